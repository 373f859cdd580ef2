"""Invoices and receipts as PDF/A-3b files: pure rendering, the same input gives the same bytes.

Both functions compute for some milliseconds and are safe to call from several threads at once.
"""

from whatsinvoice_invoices.documents.model import (
    BankDetails,
    Business,
    Customer,
    DocumentError,
    InvoiceDocument,
    Line,
    ReceiptDocument,
)
from whatsinvoice_invoices.documents.render import render_invoice, render_receipt

__all__ = [
    "BankDetails",
    "Business",
    "Customer",
    "DocumentError",
    "InvoiceDocument",
    "Line",
    "ReceiptDocument",
    "render_invoice",
    "render_receipt",
]
