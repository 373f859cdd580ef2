"""Invoices and receipts as PDFs: what they say, that they say it literally, and that they say it the same each time."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import typst
from pypdf import PdfReader
from whatsinvoice_invoices.documents import (
    BankDetails,
    Business,
    Customer,
    DocumentError,
    InvoiceDocument,
    Line,
    ReceiptDocument,
    render_invoice,
    render_receipt,
)
from whatsinvoice_invoices.documents.glyphs import coverage, drawable, fonts, undrawable
from whatsinvoice_invoices.documents.sums import sums_of

LETTERS = "₦ ₵ Ẹẹ Ọọ Ṣṣ Ńń Ǹǹ Ɓɓ Ɗɗ Ƙƙ Ŋŋ Ɛɛ Ɔɔ Ɣɣ"
BUSINESS = Business("Ẹkọ Ṣàngó Designs", "+234 801 234 5678", "shop@example.com", "12 Allen Avenue\nIkeja, Lagos")
INVOICE = InvoiceDocument(
    number="INV-000123",
    issue_date=date(2026, 11, 24),
    due_date=date(2026, 12, 1),
    business=BUSINESS,
    customer=Customer("Jane Okafor", "+234 803 111 2222", "jane@example.com"),
    currency="NGN",
    lines=(Line("Logo design", "1", 7_000_000, 7_000_000), Line("Business cards", "2.5", 200_000, 500_000)),
    subtotal_minor=7_500_000,
    discount_minor=50_000,
    taxes=(("VAT 7.5%", 558_750),),
    total_minor=8_008_750,
    paid_minor=1_000_000,
    due_minor=7_008_750,
    notes="Thank you.\nHalf is due first.",
    bank_details=BankDetails("Zenith Bank", "Eko Designs Ltd", "1234567890"),
    pay_url="https://pay.example/i/7Qx9kV2mN4pR8sT1wY3z",
    verify_url="https://pay.example/verify/ABCD-EFGH",
)
RECEIPT = ReceiptDocument(
    number="RCP-000045",
    invoice_number="INV-000123",
    business=BUSINESS,
    customer=Customer("Jane Okafor"),
    currency="NGN",
    amount_minor=7_008_750,
    balance_due_minor=0,
    method="Bank transfer",
    reference="T685312322670591",
    paid_at=datetime(2026, 11, 24, 14, 5, tzinfo=timezone(timedelta(hours=1), "WAT")),
    verify_url="https://pay.example/verify/ABCD-EFGH",
)


def pages(pdf: bytes) -> list[str]:
    """The text of each page, every run of white space as one blank."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def links(pdf: bytes) -> set[str]:
    found = (note.get_object() for page in PdfReader(io.BytesIO(pdf)).pages for note in page.get("/Annots", []))
    return {note["/A"]["/URI"] for note in found if note["/Subtype"] == "/Link"}


def test_an_invoice_says_all_of_it_on_one_page() -> None:
    (text,) = pages(render_invoice(INVOICE))
    said = (
        *("INV-000123", "24 November 2026", "1 December 2026", "Ẹkọ Ṣàngó Designs", "12 Allen Avenue", "Ikeja, Lagos"),
        *("+234 801 234 5678", "shop@example.com", "Jane Okafor", "+234 803 111 2222", "jane@example.com"),
        *("Logo design", "Business cards", "2.5", "₦70,000.00", "₦2,000.00", "₦5,000.00", "₦75,000.00", "-₦500.00"),
        *("VAT 7.5%", "₦5,587.50", "₦80,087.50", "-₦10,000.00", "₦70,087.50", "Thank you.", "Half is due first."),
        *("Zenith Bank", "Eko Designs Ltd", "1234567890", "Scan or tap to pay", "Page 1 of 1"),
    )
    assert [piece for piece in said if piece not in text] == []


def test_an_invoice_links_to_paying_and_checking_while_money_is_due() -> None:
    assert links(render_invoice(INVOICE)) == {INVOICE.pay_url, INVOICE.verify_url}
    settled = render_invoice(replace(INVOICE, paid_minor=8_008_750, due_minor=0))
    assert links(settled) == {INVOICE.verify_url}
    (text,) = pages(settled)
    assert "PAID IN FULL" in text
    assert "Zenith Bank" not in text


def test_a_bare_invoice_is_drawn() -> None:
    bare = replace(
        INVOICE,
        due_date=None,
        business=Business("Eko"),
        customer=Customer("Jane"),
        notes=None,
        bank_details=None,
        pay_url=None,
        verify_url=None,
    )
    (text,) = pages(render_invoice(bare))
    assert "Jane" in text
    assert "NOTES" not in text


def test_a_receipt_says_all_of_it() -> None:
    (text,) = pages(render_receipt(RECEIPT))
    said = (
        *("RCP-000045", "INV-000123", "₦70,087.50", "Bank transfer", "T685312322670591", "Jane Okafor"),
        *("24 November 2026, 14:05 (WAT)", "Invoice paid in full", "₦0.00", "Ẹkọ Ṣàngó Designs"),
    )
    assert [piece for piece in said if piece not in text] == []
    assert links(render_receipt(RECEIPT)) == {RECEIPT.verify_url}
    (part,) = pages(render_receipt(replace(RECEIPT, balance_due_minor=5, paid_at=datetime(2026, 11, 24, tzinfo=UTC))))
    assert "paid in full" not in part
    assert "₦0.05" in part


@pytest.mark.parametrize(
    ("currency", "written"),
    [
        ("NGN", "₦80,087.50"),
        ("GHS", "GH₵80,087.50"),
        ("KES", "KSh 80,087.50"),
        ("ZAR", "R 80,087.50"),
        ("USD", "$80,087.50"),
    ],
)
def test_each_currency_is_written_its_way(currency: str, written: str) -> None:
    assert written in pages(render_invoice(replace(INVOICE, currency=currency)))[0]


def test_an_amount_too_large_for_a_float_is_exact() -> None:
    huge = 9_007_199_254_740_993
    assert "₦90,071,992,547,409.93" in pages(render_invoice(replace(INVOICE, total_minor=huge)))[0]


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(DocumentError, match="XTS"):
        render_invoice(replace(INVOICE, currency="XTS"))


def test_west_african_letters_have_glyphs_in_both_weights() -> None:
    # A letter with two marks is drawn with combining ones, which pypdf does not put together again.
    assert {ord(char) for char in LETTERS + "\u0300\u0301"} <= coverage()
    (text,) = pages(render_invoice(replace(INVOICE, notes=LETTERS, customer=Customer(LETTERS))))
    assert text.count(LETTERS) == 2


def test_a_character_without_a_glyph_would_stop_the_document() -> None:
    """So a document that was drawn has no empty boxes in it: the reason why `drawable` replaces such characters."""
    markup = '#set text(font: "Noto Sans", fallback: false)\n漢'.encode()
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        typst.compile(markup, font_paths=fonts(), ignore_system_fonts=True, format="pdf", pdf_standards="a-3b")


def test_what_no_glyph_shows_is_marked_and_what_is_invisible_goes() -> None:
    assert drawable("Jane 👩🏽‍🍳 漢字\tLtd") == "Jane \ufffd \ufffd Ltd"
    assert drawable("pay \u202e000,57\u202c\x07\u200b now") == "pay 000,57 now"
    assert "Jane \ufffd" in pages(render_invoice(replace(INVOICE, customer=Customer("Jane 🎉"))))[0]


@pytest.mark.parametrize(
    "hostile",
    [
        '#import "x"',
        '#read("/etc/passwd")',
        "*bold* _it_ $x^2$ `code`",
        "back \\ slash \\u{41} \\n",
        '"quoted" -- dash ... ~ @ref <label>',
        "= Heading // no comment /* none */",
        '{"a": [1]} #data.due ]) #panic("no")',
    ],
)
def test_markup_in_any_field_prints_literally(hostile: str) -> None:
    document = replace(
        INVOICE,
        number=hostile,
        business=Business(hostile, hostile, hostile, hostile),
        customer=Customer(hostile, hostile, hostile),
        lines=(Line(hostile, hostile, 1, 1),),
        notes=hostile,
        taxes=((hostile, 1),),
        bank_details=BankDetails(hostile, hostile, hostile),
    )
    text = " ".join(pages(render_invoice(document))).replace(" ", "")
    assert text.count(hostile.replace(" ", "")) >= 14


def test_twenty_lines_stay_on_one_page_and_two_hundred_all_appear() -> None:
    def with_lines(count: int) -> InvoiceDocument:
        return replace(INVOICE, lines=tuple(Line(f"Item no {n};", "1", n, n) for n in range(count)))

    assert len(pages(render_invoice(with_lines(20)))) == 1
    long = pages(render_invoice(with_lines(200)))
    assert all(f"Page {n} of {len(long)}" in page and "INV-000123" in page for n, page in enumerate(long, 1))
    assert all("DESCRIPTION" in page for page in long)
    assert [n for n in range(200) if f"Item no {n};" not in " ".join(long)] == []


def test_a_word_longer_than_its_column_is_broken() -> None:
    (text,) = pages(render_invoice(replace(INVOICE, lines=(Line("W" * 300, "1", 10**13, 10**13),))))
    assert "W" * 29 not in text
    assert text.count("W") == 300
    assert text.count("₦100,000,000,000.00") == 2


def test_the_same_document_gives_the_same_bytes_from_every_thread() -> None:
    documents = [replace(INVOICE, number=f"INV-{n}") for n in range(8)]
    alone = [render_invoice(document) for document in documents]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(render_invoice, documents * 2))
    assert together == alone * 2
    assert len(set(alone)) == 8
    assert render_receipt(RECEIPT) == render_receipt(RECEIPT)


def test_it_claims_pdf_a_3b_a_title_and_the_issue_date() -> None:
    pdf = render_invoice(INVOICE)
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    reader = PdfReader(io.BytesIO(pdf))
    assert reader.metadata is not None
    assert reader.metadata.title == "Invoice INV-000123"
    assert reader.metadata.author == BUSINESS.name
    assert reader.metadata.creation_date == datetime(2026, 11, 24, tzinfo=UTC)


def test_f20_a_void_invoice_shows_nothing_due_and_no_code_to_pay() -> None:
    void = replace(INVOICE, due_minor=0, standing="Void, nothing is due")
    (text,) = pages(render_invoice(void))
    assert "VOID, NOTHING IS DUE ₦0.00" in text
    assert "Scan or tap to pay" not in text
    assert "Zenith Bank" not in text
    assert links(render_invoice(void)) == {INVOICE.verify_url}


def test_f31_inclusive_prices_and_a_discount_add_up() -> None:
    """10,750.00 with 7.5 % inside, less a tenth: 9,675.00, of which 675.00 is tax."""
    line = Line("Cake", "1", 1_075_000, 1_075_000, tax_label="Tax 7.5%")
    document = replace(
        INVOICE,
        lines=(line,),
        subtotal_minor=1_075_000,
        discount_minor=107_500,
        taxes=(("Tax 7.5%", 67_500),),
        total_minor=967_500,
        paid_minor=0,
        due_minor=967_500,
        prices_include_tax=True,
    )
    assert sums_of(document) == [
        ("Subtotal, tax included", "₦10,750.00"),
        ("Discount", "-₦1,075.00"),
        ("Total", "₦9,675.00"),
        ("of which Tax 7.5%", "₦675.00"),
    ]
    (text,) = pages(render_invoice(document))
    assert "Subtotal, tax included ₦10,750.00" in text


def test_f31_a_line_shows_its_discount_and_its_tax_and_keeps_its_line_breaks() -> None:
    line = Line("Cake\nthree tiers\n\nwhite", "1", 100_000, 100_000, 5_000, "Tax 7.5%")
    content = render_invoice(replace(INVOICE, lines=(line,)))
    raw = PdfReader(io.BytesIO(content)).pages[0].extract_text()
    assert [one for one in ("Cake", "three tiers", "white") if one not in raw.splitlines()[:40]] == []
    assert "less ₦50.00 discount, Tax 7.5%" in " ".join(raw.split())


@pytest.mark.parametrize("name", ["W" * 40, "M" * 44])
def test_f31_a_long_name_stays_in_its_column(name: str) -> None:
    """No piece of a name that is drawn on one line is longer than fits beside its neighbour."""
    document = replace(INVOICE, customer=Customer(name), business=Business(name))
    text = PdfReader(io.BytesIO(render_invoice(document))).pages[0].extract_text()
    pieces = [piece for piece in text.replace("\u200b", " ").split() if piece in name]
    in_columns = sorted(map(len, pieces))[:-1]  # the last is the foot of the page, a line of its own
    assert in_columns
    assert max(in_columns) <= 22


def test_f31_what_no_font_draws_is_named() -> None:
    assert undrawable("Jane 🎉 漢字 漢\n") == "🎉漢字"
    assert undrawable("Ẹkọ ₦ Ṣàngó\u200d") == ""


def test_f17_a_receipt_says_what_is_credit_and_what_went_back() -> None:
    (text,) = pages(render_receipt(replace(RECEIPT, credit_minor=5_000, returned_minor=2_000)))
    assert "More than was due ₦50.00, kept as the customer" in text
    assert "Went back ₦20.00" in text
    assert "Invoice paid in full" not in text
    (invoice,) = pages(render_invoice(replace(INVOICE, refunded_minor=500_000, credit_minor=7_000)))
    assert "Refunded since ₦5,000.00" in invoice
    assert "Paid beyond that, kept as credit ₦70.00" in invoice


def measure(times: int = 50) -> float:
    """Milliseconds of CPU for one warm invoice; a bench, no test, for a figure depends on the machine."""
    render_invoice(INVOICE)
    began = time.process_time()
    for n in range(times):
        render_invoice(replace(INVOICE, number=f"INV-{n}"))
    return (time.process_time() - began) / times * 1000


if __name__ == "__main__":
    print(f"{measure():.1f} ms of CPU an invoice")  # noqa: T201  what this is run for
