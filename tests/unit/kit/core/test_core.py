"""Ids, money and errors: the part of the kit that a domain stands on."""

import time
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whatsinvoice_kit.core.errors import FieldViolation, Kind, invalid, not_found, precondition, unauthenticated
from whatsinvoice_kit.core.ids import is_id, new_id, uuid7
from whatsinvoice_kit.core.money import MAX_MINOR, SYMBOLS, Money, contained, part, spread, times

AMOUNTS = st.integers(-MAX_MINOR, MAX_MINOR)
RATES = st.integers(0, 10_000)


def test_an_id_is_its_prefix_and_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    value = uuid7()
    assert value.version == 7
    assert before <= value.int >> 80 <= time.time_ns() // 1_000_000
    made = new_id("inv")
    assert made.startswith("inv_")
    assert len(made) == 30
    assert is_id("inv", made)


def test_ten_thousand_ids_are_unique() -> None:
    assert len({new_id("pay") for _ in range(10_000)}) == 10_000


def test_later_ids_sort_after_earlier_ones() -> None:
    made = []
    for _ in range(20):
        made.append(new_id("inv"))
        time.sleep(0.0011)
    assert made == sorted(made)


def test_ids_of_one_millisecond_sort_in_the_order_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_780_000_000_000_000_000)
    made = [new_id("tle") for _ in range(1_000)]
    assert made == sorted(set(made))


@pytest.mark.parametrize(
    "spoil", [str.upper, lambda i: i + "\n", lambda i: i[:-1], lambda i: i + "0", lambda i: " " + i]
)
def test_anything_else_is_no_id(spoil: object) -> None:
    assert callable(spoil)
    assert not is_id("inv", spoil(new_id("inv")))


@pytest.mark.parametrize(
    "text", ["", "inv_", "pay_01k00000000000000000000000", "inv_81k00000000000000000000000", "inv_" + "u" * 26]
)
def test_a_wrong_prefix_letter_or_size_is_no_id(text: str) -> None:
    assert not is_id("inv", text)


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    assert is_id("inv", text) in (True, False)


@given(AMOUNTS, st.lists(st.integers(0, MAX_MINOR), min_size=1, max_size=50).filter(any))
def test_a_spread_is_exact_and_nobody_is_a_unit_off_her_share(amount: int, weights: list[int]) -> None:
    shares = spread(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, sum(weights))) < 1
        if not weight:
            assert share == 0


@given(st.integers(0, MAX_MINOR), st.integers(1, 30))
def test_equals_get_equal_shares_and_the_first_bear_the_rest(amount: int, count: int) -> None:
    shares = spread(amount, [7] * count)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] - shares[-1] <= 1


def test_nothing_can_be_spread_over_nobody_but_nothing() -> None:
    assert spread(0, [0, 0]) == [0, 0]
    assert spread(0, []) == []
    with pytest.raises(ValueError, match="nothing to spread"):
        spread(1, [0, 0])


@given(AMOUNTS, RATES)
def test_a_part_is_rounded_half_up(amount: int, rate: int) -> None:
    exact = Fraction(amount * rate, 10_000)
    assert abs(part(amount, rate) - exact) <= Fraction(1, 2)
    assert part(-amount, rate) == -part(amount, rate)


@given(st.integers(0, MAX_MINOR), RATES)
def test_the_tax_inside_a_gross_amount_is_the_tax_on_its_net(gross: int, rate: int) -> None:
    tax = contained(gross, rate)
    assert 0 <= tax <= gross
    assert abs(tax - Fraction(gross * rate, 10_000 + rate)) <= Fraction(1, 2)
    assert abs(part(gross - tax, rate) - tax) <= 1


@given(st.decimals("0.001", "1000000", places=3), st.integers(0, MAX_MINOR // 1_000_000))
def test_a_quantity_times_a_price_is_rounded_half_up(quantity: Decimal, unit: int) -> None:
    exact = Fraction(quantity) * unit
    assert abs(times(quantity, unit) - exact) <= Fraction(1, 2)
    assert times(quantity, unit) == int((quantity * unit).to_integral_value(rounding=ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (times(Decimal("1.5"), 333), 500),
        (times(Decimal("0.5"), 1), 1),
        (part(5, 1_000), 1),
        (part(4, 1_000), 0),
        (part(-5, 1_000), -1),
        (contained(10_750, 750), 750),
        (contained(1, 10_000), 1),
    ],
)
def test_halves_go_up(got: int, expected: int) -> None:
    assert got == expected


@given(st.integers(), st.integers(), st.sampled_from(sorted(SYMBOLS)))
def test_money_adds_up_in_one_currency(a: int, b: int, currency: str) -> None:
    assert Money(a, currency) + Money(b, currency) - Money(b, currency) == Money(a, currency)
    assert Money(a, currency) + -Money(a, currency) == Money(0, currency)


def test_currencies_never_mix() -> None:
    for mix in (Money.__add__, Money.__sub__):
        with pytest.raises(ValueError, match="cannot mix NGN and USD"):
            mix(Money(1, "NGN"), Money(1, "USD"))
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, "XXX")
    assert Money(1, "NGN") != Money(1, "USD")


@pytest.mark.parametrize(
    ("minor", "shown"),
    [
        (7_500_000, "₦75,000.00"),
        (0, "₦0.00"),
        (5, "₦0.05"),
        (-5, "-₦0.05"),
        (-7_500_001, "-₦75,000.01"),
    ],
)
def test_money_reads_as_people_write_it(minor: int, shown: str) -> None:
    assert str(Money(minor, "NGN")) == shown


def test_errors_carry_kind_reason_and_fields() -> None:
    error = invalid("lines[0].quantity", "QUANTITY_INVALID", "above 0")
    assert (error.kind, error.reason, str(error)) == (Kind.INVALID_ARGUMENT, "QUANTITY_INVALID", "above 0")
    assert error.violations == (FieldViolation("lines[0].quantity", "QUANTITY_INVALID", "above 0"),)
    assert not_found("X", "x").kind is Kind.NOT_FOUND
    assert precondition("X", "x").kind is Kind.FAILED_PRECONDITION
    assert unauthenticated("X", "x").kind is Kind.UNAUTHENTICATED
    assert not_found("X", "x").retry_after == 0
