"""What an invoice comes to, to the kobo."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whatsinvoice_invoices.domain.totals import NO_DISCOUNT, Discount, LineInput, compute
from whatsinvoice_kit.core.errors import ServiceError

QUANTITIES = st.decimals("0.001", "500", places=3).map(str)
LINES = st.lists(
    st.builds(
        LineInput,
        st.just("thing"),
        QUANTITIES,
        st.integers(0, 10**8),
        st.builds(Discount, percent_bp=st.integers(0, 10_000)),
        st.sampled_from([0, 500, 750, 1500]),
    ),
    min_size=1,
    max_size=20,
)


@given(LINES, st.integers(0, 10_000), st.booleans())
def test_the_parts_always_come_to_the_whole(lines: list[LineInput], percent: int, inclusive: bool) -> None:
    gift = LineInput("another", "1", 100_000)  # or all of it may have been given away
    totals = compute([*lines, gift], Discount(percent_bp=percent % 10_000), prices_include_tax=inclusive)
    assert totals.subtotal_minor - totals.discount_minor + totals.tax_minor == totals.total_minor
    assert sum(line.total_minor for line in totals.lines) == totals.total_minor
    assert sum(line.tax_minor for line in totals.lines) == totals.tax_minor
    assert sum(line.discount_minor for line in totals.lines) == totals.discount_minor
    assert all(0 <= line.discount_minor <= line.amount_minor for line in totals.lines)
    if inclusive:  # what the merchant typed stays exact
        gross = sum(line.amount_minor for line in totals.lines)
        assert totals.total_minor == gross - totals.discount_minor


def test_a_line_is_rounded_half_up() -> None:
    totals = compute([LineInput("gel", "0.005", 100)], NO_DISCOUNT, prices_include_tax=False)
    assert totals.total_minor == 1


def test_vat_is_added_to_the_discounted_price() -> None:
    line = LineInput("logo", "1", 100_000, Discount(percent_bp=1000), 750)
    totals = compute([line], NO_DISCOUNT, prices_include_tax=False)
    assert (totals.subtotal_minor, totals.discount_minor, totals.tax_minor, totals.total_minor) == (
        100_000,
        10_000,
        6_750,
        96_750,
    )


def test_vat_is_carved_out_of_a_gross_price() -> None:
    totals = compute([LineInput("logo", "1", 107_500, tax_rate_bp=750)], NO_DISCOUNT, prices_include_tax=True)
    assert (totals.subtotal_minor, totals.tax_minor, totals.total_minor) == (100_000, 7_500, 107_500)


def test_a_document_discount_is_spread_by_largest_remainder() -> None:
    lines = [LineInput("a", "1", 100), LineInput("b", "1", 100), LineInput("c", "1", 100)]
    totals = compute(lines, Discount(amount_minor=100), prices_include_tax=False)
    assert [line.discount_minor for line in totals.lines] == [34, 33, 33]


def test_tax_is_rounded_once_per_rate() -> None:
    lines = [LineInput("a", "1", 10, tax_rate_bp=500)] * 3
    totals = compute(lines, NO_DISCOUNT, prices_include_tax=False)
    assert totals.tax_minor == 2  # 1.5 rounded once, not three times 0.5


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (LineInput("", "1", 100), "lines[0].description"),
        (LineInput("a", "0", 100), "lines[0].quantity"),
        (LineInput("a", "-1", 100), "lines[0].quantity"),
        (LineInput("a", "1.0001", 100), "lines[0].quantity"),
        (LineInput("a", "NaN", 100), "lines[0].quantity"),
        (LineInput("a", "two", 100), "lines[0].quantity"),
        (LineInput("a", "1", -1), "lines[0].unit_price_minor"),
        (LineInput("a", "1", 100, Discount(percent_bp=10_001)), "lines[0].discount"),
        (LineInput("a", "1", 100, Discount(amount_minor=101)), "lines[0].discount"),
        (LineInput("a", "1", 100, tax_rate_bp=10_001), "lines[0].tax_rate_bp"),
        (LineInput("a", "2", 10**13), "lines[0]"),
    ],
)
def test_a_broken_rule_names_its_field(line: LineInput, field: str) -> None:
    with pytest.raises(ServiceError) as refused:
        compute([line], NO_DISCOUNT, prices_include_tax=False)
    assert refused.value.violations[0].field == field


@pytest.mark.parametrize("count", [0, 201])
def test_a_document_has_1_to_200_lines(count: int) -> None:
    with pytest.raises(ServiceError):
        compute([LineInput("a", "1", 1)] * count, NO_DISCOUNT, prices_include_tax=False)


def test_a_document_that_comes_to_nothing_is_refused() -> None:
    with pytest.raises(ServiceError) as refused:
        compute([LineInput("gift", "1", 0)], NO_DISCOUNT, prices_include_tax=False)
    assert refused.value.reason == "TOTAL_OUT_OF_RANGE"


def test_quantities_print_plainly() -> None:
    totals = compute([LineInput("a", str(Decimal("1E+2")), 1)], NO_DISCOUNT, prices_include_tax=False)
    assert totals.lines[0].quantity == "100"


def test_f28_arithmetic_is_bounded_before_a_percentage_is_taken() -> None:
    lines = [LineInput("a", "9999999999999.999", 10**13)] * 200
    with pytest.raises(ServiceError) as refused:
        compute(lines, Discount(percent_bp=5_000), prices_include_tax=False)
    assert refused.value.reason == "AMOUNT_OUT_OF_RANGE"
    with pytest.raises(ServiceError) as refused:
        compute([LineInput("a", "1", 10**13)] * 200, Discount(percent_bp=9_999), prices_include_tax=False)
    assert refused.value.reason == "TOTAL_OUT_OF_RANGE"


@pytest.mark.parametrize("description", ["\u200b", "\u3164\u2060", "\ufe0f"])
def test_f33_a_line_of_invisible_marks_is_refused(description: str) -> None:
    with pytest.raises(ServiceError) as refused:
        compute([LineInput(description, "1", 100)], NO_DISCOUNT, prices_include_tax=False)
    assert refused.value.reason == "DESCRIPTION_INVALID"
