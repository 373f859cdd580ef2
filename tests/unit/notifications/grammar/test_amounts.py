"""Amounts, currencies, and what is a question instead of an amount."""

import pytest
from support.chat_lines import merchant
from whatsinvoice_notifications.chat import CreateInvoice, Draft


def draft_of(text: str) -> Draft:
    reading = merchant(text)
    assert isinstance(reading, CreateInvoice)
    return reading.draft


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("75000", 7_500_000),
        ("75,000.50", 7_500_050),
        ("75k", 7_500_000),
        ("1.2m", 120_000_000),
        ("N5000", 500_000),
        ("n 5,000", 500_000),
        ("₦75k", 7_500_000),
        ("#3500", 350_000),
        ("NGN 14,000", 1_400_000),
        ("5000/=", 500_000),
        ("5000/-", 500_000),
        ("5,000 only", 500_000),
        ("500naira", 50_000),
        ("85 thousand", 8_500_000),
        ("2 million naira", 200_000_000),
        ("fifty k", 5_000_000),
        ("fifteen hundred", 150_000),
        ("hundred thousand", 10_000_000),
        ("a hundred thousand", 10_000_000),
        ("two hundred and five thousand", 20_500_000),
        ("one million two hundred thousand", 120_000_000),
        ("100000000000", 10**13),
    ],
)
def test_an_amount_is_exact_minor_units(written: str, minor: int) -> None:
    draft = draft_of(f"invoice Sam 08030000001 {written} for mugs")

    assert [line.unit_price_minor for line in draft.lines] == [minor]
    assert draft.needs == ()
    assert draft.currency == "NGN"


@pytest.mark.parametrize(
    "written",
    [
        "half a million", "one point five million", "between 50k and 60k",
        "500.000", "12,50", "1,00,000", "50k or 60k", "20-25k", "20k to 25k", "seventy no eighty thousand", "0", "50",
        "99", "100000000000.01",
    ],
)  # fmt: skip
def test_an_unclear_amount_is_a_question(written: str) -> None:
    draft = draft_of(f"invoice Sam 08030000001 {written} for mugs")

    assert [(line.description, line.unit_price_minor) for line in draft.lines] == [("mugs", None)]
    assert draft.needs == ("amount",)


@pytest.mark.parametrize(
    "written", ["N75.000", "1.500 naira", "NGN 1.500", "$2.500", "500.000", "75000.000", "N75.0000", "N1.500.000"]
)
def test_f43_a_point_before_three_digits_is_a_question(written: str) -> None:
    """A point separates thousands for some writers and kobo for others: the two readings differ a thousandfold."""
    draft = draft_of(f"invoice Sam 08030000001 {written} for mugs")

    assert [(line.description, line.unit_price_minor) for line in draft.lines] == [("mugs", None)]
    assert draft.needs == ("amount",)


@pytest.mark.parametrize(
    ("written", "currency"),
    [
        ("$50", "USD"),
        ("US$50", "USD"),
        ("50 dollars", "USD"),
        ("GHS 50", "GHS"),
        ("GH₵50", "GHS"),
        ("50 cedis", "GHS"),
        ("KSh 50", "KES"),
        ("50 bob", "KES"),
        ("R50", "ZAR"),
        ("50 rand", "ZAR"),
    ],
)
def test_a_currency_is_read_from_its_sign_or_word(written: str, currency: str) -> None:
    draft = draft_of(f"invoice Sam 08030000001 {written} for mugs")

    assert (draft.currency, draft.lines[0].unit_price_minor) == (currency, 5_000)


@pytest.mark.parametrize("written", ["£80", "€80", "80 pounds sterling", "80 euros"])
def test_money_that_is_not_carried_is_a_question(written: str) -> None:
    draft = draft_of(f"invoice Sam 08030000001 {written} for mugs")

    assert (draft.currency, draft.lines[0].unit_price_minor, draft.needs) == (None, 8_000, ("currency",))


def test_two_currencies_are_a_question_and_prices_keep_their_numbers() -> None:
    draft = draft_of("invoice Sam 08030000001, $40 mug, ₦15000 tray")

    assert draft.currency is None
    assert [line.unit_price_minor for line in draft.lines] == [4_000, 1_500_000]


def test_after_a_money_sign_groups_of_three_are_one_number() -> None:
    assert draft_of("invoice Sam 08030000001 R1 200 for mugs").lines[0].unit_price_minor == 120_000


def test_a_currency_named_apart_holds_for_the_message() -> None:
    draft = draft_of("invoice Sam 08030000001 500 in dollars for mugs")

    assert (draft.currency, draft.lines[0].description) == ("USD", "mugs")
