"""What invoices tells others."""

from whatsinvoice.invoices.v1 import events_pb2
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.events.outbox import Event, serialised

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.invoice import Invoice, Receipt
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.messages import invoice_message, moment, receipt_message


def invoice_issued(invoice: Invoice, business: Business, links: Links) -> Event:
    return serialised(
        events_pb2.InvoiceIssued(
            event_id=new_id("evt"),
            occur_time=moment(now()),
            business_id=invoice.business_id,
            aggregate_id=invoice.id,
            aggregate_version=invoice.version,
            invoice=invoice_message(invoice, links, business.day(now())),
            business_name=business.name,
        )
    )


def payment_recorded(invoice: Invoice, receipt: Receipt, credit_minor: int, business: Business, links: Links) -> Event:
    return serialised(
        events_pb2.InvoicePaymentRecorded(
            event_id=new_id("evt"),
            occur_time=moment(now()),
            business_id=invoice.business_id,
            aggregate_id=invoice.id,
            aggregate_version=invoice.version,
            invoice=invoice_message(invoice, links, business.day(now())),
            receipt=receipt_message(receipt, links),
            business_name=business.name,
            credit_minor=credit_minor,
        )
    )


def invoice_paid(invoice: Invoice, receipt: Receipt, business: Business, links: Links) -> Event:
    return serialised(
        events_pb2.InvoicePaid(
            event_id=new_id("evt"),
            occur_time=moment(now()),
            business_id=invoice.business_id,
            aggregate_id=invoice.id,
            aggregate_version=invoice.version,
            invoice=invoice_message(invoice, links, business.day(now())),
            receipt=receipt_message(receipt, links),
            business_name=business.name,
        )
    )
