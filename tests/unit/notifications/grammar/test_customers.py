"""Who an invoice is for: names, phones and e-mails."""

import pytest
from support.chat_lines import merchant
from whatsinvoice_notifications.chat import CreateInvoice, Draft


def draft_of(text: str) -> Draft:
    reading = merchant(text)
    assert isinstance(reading, CreateInvoice)
    return reading.draft


@pytest.mark.parametrize(
    "written",
    [
        "08030000001", "0803 000 0001", "0803-000-0001", "(0803) 000 0001", "8030000001", "2348030000001",
        "+2348030000001", "+234 (0) 803 000 0001", "+23408030000001", "00234 803 000 0001", "wa.me/2348030000001",
        "tel:08030000001", "0803.000.0001", "zero eight oh three zero zero zero zero zero zero one",
        "zero eight zero three triple zero double zero zero one",
    ],
)  # fmt: skip
def test_a_home_phone_in_any_spelling_is_e164(written: str) -> None:
    draft = draft_of(f"invoice Sam {written} 5000 for mugs")

    assert (draft.customer.phone, draft.lines[0].unit_price_minor) == ("+2348030000001", 500_000)


@pytest.mark.parametrize("written", ["+44 7911 123456", "00447911123456", "+447911123456"])
def test_a_foreign_phone_stays_foreign(written: str) -> None:
    assert draft_of(f"invoice Sam {written} 5000 for mugs").customer.phone == "+447911123456"


@pytest.mark.parametrize("written", ["0803000000", "080300000011", "0244123456", "+234803000000", "23480300000012"])
def test_a_phone_that_is_not_valid_is_asked_for_and_is_no_amount(written: str) -> None:
    draft = draft_of(f"invoice Sam {written} 5000 for mugs")

    assert (draft.customer.phone, draft.needs) == (None, ("phone",))
    assert [line.unit_price_minor for line in draft.lines] == [500_000]


def test_two_phones_are_a_question() -> None:
    assert draft_of("invoice Sam 08030000001 or 08030000002 5k mugs").customer.phone is None


def test_an_email_alone_is_enough() -> None:
    draft = draft_of("invoice Sam Sam@Example.com 5k for mugs")

    assert (draft.customer.email, draft.needs) == ("sam@example.com", ())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("invoice Sam 5k", "Sam"),
        ("charge Sam Obi-Eze 5k", "Sam Obi-Eze"),
        ("make a bill for my customer Sam, 5k", "Sam"),
        ("invoice my guy Sam 5k", "Sam"),
        ("write bill give Sam 5k", "Sam"),
        ("new invoice for Chief Okoro & Sons 5k", "Chief Okoro & Sons"),
        ("invoice Dr. Sam Eze 5k", "Dr. Sam Eze"),
        ("invoice Six Brothers Bakery 5k", "Six Brothers Bakery"),
        ("invoice monday okoro 5k", "monday okoro"),
        ("invoice Bob 5k", "Bob"),
        ('invoice "Sam Stores" 5k', "Sam Stores"),
        ("send Sam Obi an invoice 5k", "Sam Obi"),
        ("bill 20k to Sam for mugs", "Sam"),
        ("a bill of 20k to Sam", "Sam"),
        ("invoice 700, Peter bread", "Peter"),
        ("2 mugs at 800 each - invoice Sam", "Sam"),
        ("Sam, 08030000001, mugs, 5k, invoice please", "Sam"),
        ("Sam invoice am 5k for mugs", "Sam"),
        ("I sell 2 mugs give Sam, 800 each, make invoice", "Sam"),
        ("invoice 08030000001 Sam Eze 5k mugs", "Sam Eze"),
        ("invoice\nphone: 08030000001\nname: Sam Eze\nitem: mugs\nprice: 5k", "Sam Eze"),
    ],
)
def test_a_name_ends_where_the_rest_begins(text: str, name: str) -> None:
    assert draft_of(text).customer.name == name


@pytest.mark.parametrize("text", ["invoice am 5k", "invoice a customer 5k", "invoice somebody 5k", "new invoice 15000"])
def test_nobody_is_asked_for(text: str) -> None:
    draft = draft_of(text)

    assert draft.customer.name is None
    assert "customer_name" in draft.needs
    assert [line.unit_price_minor is not None for line in draft.lines] == [True]
