"""The limits of an invoice's figures: of each, the last value that is accepted and the first that is refused."""

from collections.abc import Callable

import pytest
from whatsinvoice_invoices.domain.totals import NO_DISCOUNT, Discount, LineInput, Totals, compute
from whatsinvoice_kit.core.errors import ServiceError

MAX = 10_000_000_000_000
"""Minor units, as the domain says; written again so that a slip is seen."""

Make = Callable[[int], Totals]


def of(*lines: LineInput, discount: Discount = NO_DISCOUNT) -> Totals:
    return compute(lines, discount, prices_include_tax=False)


LIMITS: dict[str, tuple[Make, int, int, str]] = {
    "fewest lines": (lambda n: of(*[LineInput("a", "1", 1)] * n), 1, 0, "LINES_COUNT"),
    "most lines": (lambda n: of(*[LineInput("a", "1", 1)] * n), 200, 201, "LINES_COUNT"),
    "shortest description": (lambda n: of(LineInput("a" * n, "1", 1)), 1, 0, "DESCRIPTION_INVALID"),
    "longest description": (lambda n: of(LineInput("a" * n, "1", 1)), 500, 501, "DESCRIPTION_INVALID"),
    "lowest price": (lambda n: of(LineInput("a", "1", 1), LineInput("b", "1", n)), 0, -1, "PRICE_OUT_OF_RANGE"),
    "highest price": (lambda n: of(LineInput("a", "1", n)), MAX, MAX + 1, "PRICE_OUT_OF_RANGE"),
    "lowest tax rate": (lambda n: of(LineInput("a", "1", 1, tax_rate_bp=n)), 0, -1, "TAX_RATE_INVALID"),
    "highest tax rate": (lambda n: of(LineInput("a", "1", 1, tax_rate_bp=n)), 10_000, 10_001, "TAX_RATE_INVALID"),
    "lowest percentage": (lambda n: of(LineInput("a", "1", 9), discount=Discount(n)), 0, -1, "DISCOUNT_INVALID"),
    "highest percentage": (
        lambda n: of(LineInput("a", "1", 9, Discount(n)), LineInput("b", "1", 1)),
        10_000,
        10_001,
        "DISCOUNT_INVALID",
    ),
    "lowest discount": (
        lambda n: of(LineInput("a", "1", 9), discount=Discount(amount_minor=n)),
        0,
        -1,
        "DISCOUNT_INVALID",
    ),
    "highest discount": (
        lambda n: of(LineInput("a", "1", 9, Discount(amount_minor=n)), LineInput("b", "1", 1)),
        9,
        10,
        "DISCOUNT_TOO_LARGE",
    ),
    "highest quantity": (lambda n: of(LineInput("a", str(n), 1)), MAX, MAX + 1, "QUANTITY_INVALID"),
    "highest amount of a line": (
        lambda n: of(LineInput("a", str(n), 2)),
        MAX // 2,
        MAX // 2 + 1,
        "AMOUNT_OUT_OF_RANGE",
    ),
    "highest sum of lines": (
        lambda n: of(LineInput("a", "1", MAX - 1), LineInput("b", "1", n), discount=Discount(5_000)),
        1,
        2,
        "TOTAL_OUT_OF_RANGE",
    ),
    "highest total": (
        lambda n: of(LineInput("a", "1", MAX - 100), LineInput("b", "1", n, tax_rate_bp=10_000)),
        50,
        51,
        "TOTAL_OUT_OF_RANGE",
    ),
    "lowest total": (
        lambda n: of(LineInput("a", "1", 9), discount=Discount(amount_minor=9 - n)),
        1,
        0,
        "TOTAL_OUT_OF_RANGE",
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_accepts_its_last_value_and_refuses_the_next(limit: str) -> None:
    make, last, beyond, reason = LIMITS[limit]
    assert make(last).total_minor > 0
    with pytest.raises(ServiceError) as refused:
        make(beyond)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("accepted", "refused"),
    [
        ("0.001", "0.0001"),
        ("0.001", "0.000"),
        ("1.000", "1.0000"),
        ("1E+2", "Infinity"),
        ("1", "-Infinity"),
        ("1", "sNaN"),
    ],
)
def test_a_quantity_has_up_to_three_places(accepted: str, refused: str) -> None:
    assert of(LineInput("a", accepted, 1_000)).total_minor > 0
    with pytest.raises(ServiceError) as error:
        of(LineInput("a", refused, 1_000))
    assert error.value.reason == "QUANTITY_INVALID"


@pytest.mark.parametrize("field", ["lines[1]", "lines[1].discount"])
def test_a_refusal_names_the_line_by_its_place(field: str) -> None:
    second = LineInput("b", "2", MAX) if field == "lines[1]" else LineInput("b", "1", 1, Discount(amount_minor=2))
    with pytest.raises(ServiceError) as refused:
        of(LineInput("a", "1", 1), second)
    assert refused.value.violations[0].field == field


def test_a_line_holds_its_own_discount_and_its_share_of_the_documents() -> None:
    first = LineInput("a", "2", 500, Discount(amount_minor=100), 1_000)
    totals = of(first, LineInput("b", "1", 100), discount=Discount(1_000))
    line, other = totals.lines
    assert (line.amount_minor, line.own_discount_minor, line.discount_minor) == (1_000, 100, 190)
    assert (line.tax_rate_bp, line.tax_minor, line.total_minor) == (1_000, 81, 891)
    assert (line.quantity, line.unit_price_minor, line.description) == ("2", 500, "a")
    assert (other.own_discount_minor, other.discount_minor, other.tax_minor, other.total_minor) == (0, 10, 0, 90)
    assert (totals.subtotal_minor, totals.discount_minor, totals.tax_minor, totals.total_minor) == (1_100, 200, 81, 981)


@pytest.mark.parametrize(("inclusive", "taxes"), [(False, [4, 3, 5]), (True, [3, 3, 5])])
def test_lines_of_one_rate_share_its_tax_although_others_stand_between(taxes: list[int], *, inclusive: bool) -> None:
    """The rates are equal numbers in distinct objects, as they are when they come over a network."""
    rates = [int("1500"), int("750"), int("1500")]
    prices = [23, 70, 22]
    lines = [LineInput("a", "1", price, tax_rate_bp=rate) for price, rate in zip(prices, rates, strict=True)]
    totals = compute(lines, NO_DISCOUNT, prices_include_tax=inclusive)
    found = [line.tax_minor for line in totals.lines]
    assert [found[0], found[2], found[1]] == taxes
    assert totals.tax_minor == sum(taxes)
