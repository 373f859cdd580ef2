"""F28, F33: which characters are refused, how names are cleaned, and what an e-mail address is."""

import pytest
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.core.text import is_clean, visible, visible_lines
from whatsinvoice_kit.mail import checked_email, email_of
from whatsinvoice_kit.rpc.text import check_message

FORBIDDEN = ["\x00", "a\x00b", "\x01", "\x1f", "\x7f", "\ud800", "\udfff"]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_f28_control_characters_and_lone_surrogates_are_not_clean(text: str) -> None:
    assert not is_clean(text)


def test_f28_tabs_line_breaks_and_all_scripts_are_clean() -> None:
    assert is_clean("Ọlá\tNgozi\r\nनरेन्द्र 👩‍🔬 ₦")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetInvoiceRequest(invoice_id="inv_\x00"), "invoice_id"),
        (pb.CreateInvoiceRequest(customer=pb.CustomerInput(name="a\x00")), "customer.name"),
        (
            pb.CreateInvoiceRequest(lines=[pb.LineInput(description="a"), pb.LineInput(description="\x01")]),
            "lines[1].description",
        ),
        (pb.CreateInvoiceRequest(notes="\x00"), "notes"),
    ],
)
def test_f28_a_service_names_the_field_with_a_forbidden_character(request_: object, field: str) -> None:
    with pytest.raises(ServiceError) as raised:
        check_message(request_)  # type: ignore[arg-type]  # a message of any type
    assert (raised.value.reason, raised.value.violations[0].field) == ("TEXT_INVALID", field)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Ngozi \u200b Eze\ufeff", "Ngozi Eze"),
        ("\u202eNgozi\u202c Eze", "Ngozi Eze"),
        ("Ngo\u00adzi", "Ngozi"),
        ("\u200b\u2060\ufeff", ""),
        ("\u3164 \u2800", ""),
        ("\u200d", ""),
        ("\u0301 \ufe0f", ""),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("नरेन्\u200dद्र", "नरेन्\u200dद्र"),
        ("Ọlá", "Ọlá"),
    ],
)
def test_f33_a_name_loses_its_invisible_marks(given: str, kept: str) -> None:
    assert visible(given) == kept


def test_f33_a_description_keeps_its_lines_without_invisible_marks() -> None:
    assert visible_lines("Logo\u200b\r\n\n two drafts \u2060\n\u3164") == "Logo\n\ntwo drafts"


@pytest.mark.parametrize(
    "text",
    ["jane@@example.com", "jane@example.com, joe@example.com", "jane@example.com joe@example.com", "jane",
     "mailto:jane@example.com", "Jane <jane@example.com>", "jane@localhost", "@example.com", "jane@example..com",
     "jane@exam\x00ple.com", "a" * 250 + "@example.com"],
)  # fmt: skip
def test_f33_what_is_not_one_address_is_refused(text: str) -> None:
    assert email_of(text) is None
    with pytest.raises(ServiceError) as raised:
        checked_email("email", text)
    assert raised.value.reason == "EMAIL_INVALID"


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", ""), (" Jane.Doe+tag@Example.com ", "jane.doe+tag@example.com"), ("a@bücher.de", "a@xn--bcher-kva.de")],
)
def test_f33_an_address_is_kept_in_one_form(text: str, kept: str) -> None:
    assert checked_email("email", text) == kept
