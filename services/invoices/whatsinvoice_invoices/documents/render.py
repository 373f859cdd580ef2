"""From a document to the PDF: everything a template shows is made here and reaches it as JSON, never as markup."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import typst

from whatsinvoice_invoices.documents.glyphs import drawable, drawable_lines, fonts
from whatsinvoice_invoices.documents.logos import logo_of
from whatsinvoice_invoices.documents.model import (
    BankDetails,
    Business,
    Customer,
    DocumentError,
    InvoiceDocument,
    ReceiptDocument,
)
from whatsinvoice_invoices.documents.money import written_amount
from whatsinvoice_invoices.documents.qr import qr_svg
from whatsinvoice_invoices.documents.sums import row_of, sums_of

_TEMPLATES = Path(__file__).parent / "templates"
_LOGO_BOX_MM = (60, 14)
_NARROW = 28  # characters that fit the description column beside the widest amounts, and the text beside a code
_NAME = 22  # capitals of a name that fit beside what stands next to it
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def render_invoice(document: InvoiceDocument) -> bytes:
    """Draw the invoice, A4, with as many pages as its lines need.

    Raises:
        DocumentError: the logo or the currency cannot be drawn.
    """
    unpaid = document.due_minor > 0
    data = {
        "number": drawable(document.number),
        "issued": written_date(document.issue_date),
        "due_on": written_date(document.due_date) if document.due_date else None,
        "lines": [row_of(line, document.currency, _NARROW) for line in document.lines],
        "totals": sums_of(document),
        "due": written_amount(document.due_minor, document.currency),
        "standing": document.standing,
        "settled": not unpaid,
        "notes": drawable_lines(document.notes or ""),
        "bank": _bank(document.bank_details) if unpaid else [],
        "pay": _link(document.pay_url) if unpaid else None,
        "verify": _link(document.verify_url),
        **parties(document.business, document.customer),
    }
    return compiled("invoice.typ", data, document.issue_date)


def render_receipt(document: ReceiptDocument) -> bytes:
    """Draw the receipt, one A4 page.

    Raises:
        DocumentError: the logo or the currency cannot be drawn.
    """
    paid_at = f"{written_date(document.paid_at)}, {document.paid_at:%H:%M} ({document.paid_at.tzname()})"
    balance = written_amount(document.balance_due_minor, document.currency)
    details = [
        ("Paid on", paid_at),
        ("Method", drawable(document.method)),
        ("Reference", drawable(document.reference)),
        ("For invoice", drawable(document.invoice_number)),
        ("Balance due", balance),
    ]
    if document.credit_minor:
        credit = f"{written_amount(document.credit_minor, document.currency)}, kept as the customer's credit"
        details.insert(-1, ("More than was due", credit))
    if document.returned_minor:
        details.insert(-1, ("Went back", written_amount(document.returned_minor, document.currency)))
    data = {
        "number": drawable(document.number),
        "issued": written_date(document.paid_at),
        "amount": written_amount(document.amount_minor, document.currency),
        "settled": document.balance_due_minor <= 0 and not document.credit_minor and not document.returned_minor,
        "details": details,
        "verify": _link(document.verify_url),
        **parties(document.business, document.customer),
    }
    return compiled("receipt.typ", data, document.paid_at.date())


def compiled(template: str, data: Mapping[str, Any], dated: date) -> bytes:
    """Draw a template with its data; DocumentError when it cannot be drawn."""
    try:
        return typst.compile(
            _TEMPLATES / template,
            root=_TEMPLATES,
            font_paths=fonts(),
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"document": json.dumps(data, ensure_ascii=False)},
            pdf_standards="a-3b",
            # The file's own date, so that it does not depend on when it is drawn.
            timestamp=datetime.combine(dated, time(), UTC),
        )
    except typst.TypstError as error:
        raise DocumentError(f"{template} cannot be drawn: {error.message}") from error


def parties(business: Business, customer: Customer) -> dict[str, Any]:
    """Who sells and who buys, as `house.typ` shows them."""
    return {
        "business": {
            "name": drawable(business.name, _NAME),
            "contact": [*drawable_lines(business.address or ""), *_present(business.phone, business.email)],
            "logo": _logo(business.logo),
        },
        "customer": {"name": drawable(customer.name, _NAME), "contact": _present(customer.phone, customer.email)},
    }


def _present(*texts: str | None) -> list[str]:
    return [drawable(text, _NARROW) for text in texts if text]


def _logo(picture: bytes | None) -> dict[str, Any] | None:
    if picture is None:
        return None
    logo = logo_of(picture)
    scale = min(_LOGO_BOX_MM[0] / logo.width, _LOGO_BOX_MM[1] / logo.height)
    return {"svg": logo.svg, "width_mm": logo.width * scale}


def _link(url: str | None) -> dict[str, str] | None:
    return {"url": url, "shown": drawable(url.partition("://")[2], _NARROW), "qr": qr_svg(url)} if url else None


def _bank(details: BankDetails | None) -> list[tuple[str, str]]:
    if details is None:
        return []
    rows = (("Bank", details.bank), ("Account name", details.account_name), ("Account number", details.account_number))
    return [(label, drawable(text)) for label, text in rows]


def written_date(day: date) -> str:
    """Write a date so that no reader takes the month for the day; %B would follow the machine's language."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
