"""One number as it is written: its value, its currency, whether it is marked as money, and where it ends."""

from decimal import Decimal

import pytest
from whatsinvoice_notifications.chat.amounts import Found, quantity_text, scan_number, to_minor
from whatsinvoice_notifications.chat.tokens import FOREIGN, Number

MAX = 10_000_000_000_000


@pytest.mark.parametrize(
    ("text", "value", "currency", "marked"),
    [
        ("75000", "75000", None, False),
        ("7", "7", None, False),
        ("75,000.50", "75000.50", None, False),
        ("1,234,567", "1234567", None, False),
        ("75.5", "75.5", None, False),
        ("75k", "75000", None, True),
        ("1.2m", "1200000", None, True),
        ("2b", "2000000000", None, True),
        ("2bn", "2000000000", None, True),
        ("75K", "75000", None, True),
        ("₦75k", "75000", "NGN", True),
        ("N5000", "5000", "NGN", True),
        ("#3500", "3500", "NGN", True),
        ("500naira", "500", "NGN", True),
        ("$50", "50", "USD", True),
        ("US$50", "50", "USD", True),
        ("GH₵ 50", "50", "GHS", True),
        ("50ghs", "50", "GHS", True),
        ("ksh. 50", "50", "KES", True),
        ("50kes", "50", "KES", True),
        ("R50", "50", "ZAR", True),
        ("R1 200", "1200", "ZAR", True),
        ("R1 200.50", "1200.50", "ZAR", True),
        ("R12 345 678", "12345678", "ZAR", True),
        ("£80", "80", FOREIGN, True),
        ("€80", "80", FOREIGN, True),
        ("5000/=", "5000", None, False),
        ("5000/-", "5000", None, False),
        ("12345678901234567890", "12345678901234567890", None, False),
    ],
)
def test_a_number_is_read_whole(text: str, value: str, currency: str | None, *, marked: bool) -> None:
    number = Number(Decimal(value), currency, marked)
    assert scan_number(text, 0) == Found(number, len(text))
    assert scan_number(f"ab {text} for mugs", 3) == Found(number, 3 + len(text))


@pytest.mark.parametrize(
    ("text", "currency", "marked"),
    [
        ("500.000", None, False),
        ("12,50", None, False),
        ("1,00,000", None, False),
        ("N75.000", "NGN", True),
        ("75.00k", None, True),
        ("75,000k", None, True),
        ("1234k", None, True),
        ("20-25k", None, True),
        ("N20-25k", "NGN", True),
        ("20k~25k", None, True),
        ("123456789012345678901", None, False),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_has_no_value(text: str, currency: str | None, *, marked: bool) -> None:
    assert scan_number(text, 0) == Found(Number(None, currency, marked), len(text))


@pytest.mark.parametrize(("text", "minor"), [("75.00m", 7_500_000_000), ("75.000k", 7_500_000)])
def test_only_two_digits_before_k_may_be_kobo(text: str, minor: int) -> None:
    found = scan_number(text, 0)
    assert found is not None
    assert to_minor(found.number.value) == minor


@pytest.mark.parametrize("text", ["", "mugs", "5kg", "50%", "9inch", "₦", "k"])
def test_what_is_no_number_is_left_alone(text: str) -> None:
    assert scan_number(text, 0) is None


@pytest.mark.parametrize(
    ("value", "minor"),
    [
        (None, None),
        ("0", None),
        ("-1", None),
        ("0.001", None),
        ("0.01", 1),
        ("0.011", None),
        ("1", 100),
        ("75000.5", 7_500_050),
        ("99999999999.99", MAX - 1),
        ("100000000000", MAX),
        ("100000000000.01", None),
    ],
)
def test_a_price_is_exact_minor_units_within_the_limit(value: str | None, minor: int | None) -> None:
    assert to_minor(None if value is None else Decimal(value)) == minor


@pytest.mark.parametrize(("value", "text"), [("2.50", "2.5"), ("100", "100"), ("1E+3", "1000"), ("0.125", "0.125")])
def test_a_quantity_is_written_plainly(value: str, text: str) -> None:
    assert quantity_text(Decimal(value)) == text
