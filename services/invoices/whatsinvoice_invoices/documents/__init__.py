"""Invoices, receipts and evidence packs as PDF/A-3b files: pure rendering, the same input gives the same bytes.

All functions compute for some milliseconds and are safe to call from several threads at once.
"""

from whatsinvoice_invoices.documents.evidence import EvidenceDocument, Happening, MessageProof, render_evidence
from whatsinvoice_invoices.documents.glyphs import undrawable
from whatsinvoice_invoices.documents.model import (
    BankDetails,
    Business,
    Customer,
    DocumentError,
    InvoiceDocument,
    Line,
    ReceiptDocument,
)
from whatsinvoice_invoices.documents.money import written_amount
from whatsinvoice_invoices.documents.render import render_invoice, render_receipt

__all__ = [
    "BankDetails",
    "Business",
    "Customer",
    "DocumentError",
    "EvidenceDocument",
    "Happening",
    "InvoiceDocument",
    "Line",
    "MessageProof",
    "ReceiptDocument",
    "render_evidence",
    "render_invoice",
    "render_receipt",
    "undrawable",
    "written_amount",
]
