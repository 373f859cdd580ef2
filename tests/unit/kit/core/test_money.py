"""Exact money: sums, parts, shares and what people read."""

from dataclasses import FrozenInstanceError
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whatsinvoice_kit.core.money import MAX_MINOR, SYMBOLS, Money, contained, part, spread, times

AMOUNTS = st.integers(-MAX_MINOR, MAX_MINOR)
RATES = st.integers(0, 10_000)


@given(AMOUNTS, st.lists(st.integers(0, MAX_MINOR), min_size=1, max_size=50).filter(any))
def test_a_spread_is_exact_and_each_share_is_less_than_a_unit_off(amount: int, weights: list[int]) -> None:
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


def test_the_limit_and_the_currencies_are_those_of_the_domain() -> None:
    assert MAX_MINOR == 10_000_000_000_000
    assert set(SYMBOLS) == {"NGN", "GHS", "KES", "ZAR", "USD"}


def test_money_is_a_value_that_cannot_be_changed_or_ordered() -> None:
    money = Money(5, "NGN")
    assert money == Money(5, "NGN")
    assert len({money, Money(5, "NGN")}) == 1
    with pytest.raises(FrozenInstanceError):
        money.minor = 6  # type: ignore[misc]  # the type forbids it too
    with pytest.raises(TypeError):
        sorted([money, Money(4, "NGN")])  # type: ignore[type-var]  # amounts of two currencies have no order


def test_currencies_are_compared_by_their_text() -> None:
    typed = "?NGN"[1:]  # an equal text that is another object, as in a message
    assert str(Money(1, typed) + Money(1, "NGN") - Money(1, typed)) == "₦0.01"


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (10, [1, 2, 3], [2, 3, 5]),
        (100, [1, 1, 1], [34, 33, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (5, [0, 1, 3], [0, 1, 4]),
        (-10, [1, 2, 3], [-2, -3, -5]),
        (1, [1, 5], [0, 1]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_the_largest_remainder_gets_the_rest(amount: int, weights: list[int], shares: list[int]) -> None:
    assert spread(amount, weights) == shares
