"""The evidence pack: what proves that an invoice was made, delivered, read and paid, for whoever judges a dispute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whatsinvoice_invoices.documents.glyphs import drawable
from whatsinvoice_invoices.documents.model import InvoiceDocument, ReceiptDocument
from whatsinvoice_invoices.documents.money import written_amount
from whatsinvoice_invoices.documents.render import compiled, parties, written_date
from whatsinvoice_invoices.documents.sums import row_of, sums_of

_NARROW = 24


@dataclass(frozen=True, slots=True)
class MessageProof:
    """One message about the invoice, and when it came how far; None for what was not reported."""

    purpose: str
    channel: str
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the timeline."""

    at: datetime
    what: str
    details: str


@dataclass(frozen=True, slots=True)
class EvidenceDocument:
    """All moments are aware and shown in the zone they carry; `disputed` is the reference of the payment at issue."""

    invoice: InvoiceDocument
    made_at: datetime
    facts: Sequence[tuple[str, str]]
    receipts: Sequence[ReceiptDocument]
    messages: Sequence[MessageProof]
    timeline: Sequence[Happening]
    disputed: str = ""


def render_evidence(document: EvidenceDocument) -> bytes:
    """Draw the pack, A4.

    Raises:
        DocumentError: the logo or the currency cannot be drawn.
    """
    invoice = document.invoice

    data = {
        "number": drawable(invoice.number),
        "made": _moment(document.made_at),
        "issued": written_date(invoice.issue_date),
        "due_on": written_date(invoice.due_date) if invoice.due_date else "",
        "facts": [(drawable(label), drawable(value, _NARROW)) for label, value in document.facts],
        "lines": [row_of(line, invoice.currency, _NARROW) for line in invoice.lines],
        "totals": sums_of(invoice),
        "receipts": [_receipt_row(receipt, document.disputed) for receipt in document.receipts],
        "messages": [
            (proof.purpose, proof.channel, *map(_moment, (proof.sent_at, proof.delivered_at, proof.read_at)))
            for proof in document.messages
        ],
        "timeline": [
            (_moment(entry.at), drawable(entry.what), drawable(entry.details, _NARROW)) for entry in document.timeline
        ],
        **parties(invoice.business, invoice.customer),
    }
    return compiled("evidence.typ", data, document.made_at.date())


def _receipt_row(receipt: ReceiptDocument, disputed: str) -> tuple[Any, ...]:
    mark = "disputed" if receipt.reference == disputed else ""
    return (
        drawable(receipt.number),
        _moment(receipt.paid_at),
        drawable(receipt.method),
        drawable(receipt.reference, _NARROW),
        written_amount(receipt.amount_minor, receipt.currency),
        mark,
    )


def _moment(at: datetime | None) -> str:
    return f"{written_date(at)}, {at:%H:%M:%S} ({at.tzname()})" if at else "not reported"
