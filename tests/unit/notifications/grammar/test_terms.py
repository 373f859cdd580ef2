"""Due dates, discount and tax."""

import pytest
from support.chat_lines import merchant
from whatsinvoice_notifications.chat import CreateInvoice, Discount, Draft, Tax


def draft_of(terms: str) -> Draft:
    reading = merchant(f"invoice Sam 08030000001 40k for gown {terms}")
    assert isinstance(reading, CreateInvoice)
    assert [(line.description, line.unit_price_minor) for line in reading.draft.lines] == [("gown", 4_000_000)]
    return reading.draft


@pytest.mark.parametrize(
    ("terms", "day"),
    [
        ("due today", "2026-11-24"),
        ("due 2moro", "2026-11-25"),
        ("due day after tomorrow", "2026-11-26"),
        ("due next tomorrow", "2026-11-26"),
        ("due tuesday", "2026-12-01"),
        ("due firday", "2026-11-27"),
        ("due next friday", "2026-12-04"),
        ("due next monday", "2026-11-30"),
        ("due next week", "2026-12-01"),
        ("due in 3 days", "2026-11-27"),
        ("due in two weeks", "2026-12-08"),
        ("payable within 14 days", "2026-12-08"),
        ("net 30", "2026-12-24"),
        ("due end of month", "2026-11-30"),
        ("due month end", "2026-11-30"),
        ("due end of next month", "2026-12-31"),
        ("due end of december", "2026-12-31"),
        ("due 5 march", "2027-03-05"),
        ("due march 5", "2027-03-05"),
        ("due 5th of march", "2027-03-05"),
        ("due 05/03", "2027-03-05"),
        ("due 5.3.27", "2027-03-05"),
        ("due 05-03-2027", "2027-03-05"),
        ("due 2027-03-05", "2027-03-05"),
        ("due 24/11", "2026-11-24"),
        ("due 30th", "2026-11-30"),
        ("due the 15th", "2026-12-15"),
        ("due by 5pm friday", "2026-11-27"),
        ("due friday by 5pm", "2026-11-27"),
        ("on or before friday", "2026-11-27"),
        ("deadline: friday", "2026-11-27"),
        ("latest friday", "2026-11-27"),
        ("pay by friday", "2026-11-27"),
        ("make e pay friday", "2026-11-27"),
        ("e go pay friday", "2026-11-27"),
        ("she suppose pay friday", "2026-11-27"),
        ("make dem settle am friday", "2026-11-27"),
        ("na friday e suppose pay", "2026-11-27"),
    ],
)
def test_a_due_date_is_read(terms: str, day: str) -> None:
    draft = draft_of(terms)

    assert str(draft.due_date) == day
    assert draft.needs == ()


@pytest.mark.parametrize(
    "terms",
    [
        "due 31/11", "due 29 feb", "due yesterday", "due 1/1/2026", "due wednesday or thursday", "due next month",
        "due this weekend", "due end of week", "due soon", "due 32/13",
        "due 0000-01-01",
    ],
)  # fmt: skip
def test_a_due_date_that_cannot_be_told_is_asked(terms: str) -> None:
    draft = draft_of(terms)

    assert (draft.due_date, draft.needs) == (None, ("due_date",))


def test_a_month_without_a_due_word_is_the_item() -> None:
    reading = merchant("invoice Sam 08030000001 december rent 50k")

    assert isinstance(reading, CreateInvoice)
    assert reading.draft.due_date is None
    assert reading.draft.lines[0].description == "december rent"


@pytest.mark.parametrize(
    ("terms", "discount"),
    [
        ("10% off", Discount(percent_bp=1000)),
        ("less 10%", Discount(percent_bp=1000)),
        ("minus 7.5 %", Discount(percent_bp=750)),
        ("less ten percent", Discount(percent_bp=1000)),
        ("comot 10 percent", Discount(percent_bp=1000)),
        ("with 5% discount", Discount(percent_bp=500)),
        ("less 5000", Discount(amount_minor=500_000)),
        ("discount 5000", Discount(amount_minor=500_000)),
        ("discount of 5k", Discount(amount_minor=500_000)),
        ("minus 2k", Discount(amount_minor=200_000)),
        ("comot 2k", Discount(amount_minor=200_000)),
    ],
)
def test_a_discount_is_never_a_line(terms: str, discount: Discount) -> None:
    assert draft_of(terms).discount == discount


@pytest.mark.parametrize(
    ("terms", "tax"),
    [
        ("plus VAT", Tax(750)),
        ("+ VAT", Tax(750)),
        ("add vat", Tax(750)),
        ("VAT 5%", Tax(500)),
        ("add 7.5% vat", Tax(750)),
        ("VAT inclusive", Tax(750, inclusive=True)),
        ("including VAT", Tax(750, inclusive=True)),
        ("no VAT", None),
    ],
)
def test_tax_is_read(terms: str, tax: Tax | None) -> None:
    assert draft_of(terms).tax == tax
