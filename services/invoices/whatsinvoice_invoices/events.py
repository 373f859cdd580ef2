"""What invoices tells others."""

from typing import Any

from whatsinvoice.invoices.v1 import events_pb2
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.events.outbox import Event, event_of

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.invoice import Invoice, Receipt, Reversal
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.messages import invoice_message, receipt_message


def invoice_issued(invoice: Invoice, business: Business, links: Links) -> Event:
    return _about(events_pb2.InvoiceIssued, invoice, business, links)


def payment_recorded(invoice: Invoice, receipt: Receipt, business: Business, links: Links) -> Event:
    body = {"receipt": receipt_message(receipt, links), "credit_minor": receipt.credit_minor}
    return _about(events_pb2.InvoicePaymentRecorded, invoice, business, links, **body)


def invoice_paid(invoice: Invoice, receipt: Receipt, business: Business, links: Links) -> Event:
    return _about(events_pb2.InvoicePaid, invoice, business, links, receipt=receipt_message(receipt, links))


def reversal_recorded(invoice: Invoice, reversal: Reversal, business: Business, links: Links) -> Event:
    return event_of(
        events_pb2.InvoiceReversalRecorded,
        invoice.business_id,
        invoice.id,
        invoice.version,
        invoice=invoice_message(invoice, links, business.day(now())),
        payment_id=reversal.payment_id,
        cause_id=reversal.cause_id,
        from_credit_minor=reversal.from_credit_minor,
        from_applied_minor=reversal.from_applied_minor,
        reopened=reversal.reopens,
    )


def invoice_voided(invoice: Invoice, business: Business, links: Links) -> Event:
    return _about(events_pb2.InvoiceVoided, invoice, business, links)


def transfer_claimed(invoice: Invoice, business: Business, links: Links) -> Event:
    return _about(events_pb2.TransferClaimed, invoice, business, links)


def _about(message_type: Any, invoice: Invoice, business: Business, links: Links, **body: Any) -> Event:
    """An event that carries the invoice as it now is."""
    warn = message_type is events_pb2.InvoiceIssued
    body |= {"invoice": invoice_message(invoice, links, business.day(now()), warn=warn), "business_name": business.name}
    return event_of(message_type, invoice.business_id, invoice.id, invoice.version, **body)
