"""Aggregates as proto messages, for answers and events alike."""

from collections.abc import Sequence
from datetime import date, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb

from whatsinvoice_invoices.documents import undrawable
from whatsinvoice_invoices.domain.breach import Breach
from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.customer import Customer
from whatsinvoice_invoices.domain.invoice import Invoice, Receipt, Status, TimelineEntry
from whatsinvoice_invoices.domain.recorded import RecordedPayment
from whatsinvoice_invoices.domain.totals import Line
from whatsinvoice_invoices.links import Links

STATUSES = {status: pb.InvoiceStatus.Value(f"INVOICE_STATUS_{status.name}") for status in Status}


def moment(value: datetime | None) -> Timestamp | None:
    """None stays unset."""
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def day(value: date | None) -> str:
    return value.isoformat() if value else ""


def customer_message(customer: Customer) -> pb.Customer:
    return pb.Customer(
        id=customer.id,
        name=customer.name,
        phone=customer.phone,
        email=customer.email,
        create_time=moment(customer.created_at),
        version=customer.version,
    )


def _line_message(line: Line) -> pb.Line:
    return pb.Line(
        description=line.description,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        amount_minor=line.amount_minor,
        discount_minor=line.discount_minor,
        tax_rate_bp=line.tax_rate_bp,
        tax_minor=line.tax_minor,
        total_minor=line.total_minor,
    )


def _warnings(invoice: Invoice) -> list[pb.Warning]:
    """Return a warning for each text with characters that no font draws."""
    texts = {"customer.name": invoice.customer.name, "notes": invoice.notes}
    texts |= {f"lines[{i}].description": line.description for i, line in enumerate(invoice.totals.lines)}
    missing = {field: undrawable(text) for field, text in texts.items()}
    return [
        pb.Warning(field=field, code="CHARACTERS_NOT_DRAWN", message=f"the PDF shows \ufffd in place of {characters}")
        for field, characters in missing.items()
        if characters
    ]


def invoice_message(invoice: Invoice, links: Links, today: date, *, warn: bool = False) -> pb.Invoice:
    """Return it whole; today by the business's calendar says whether it is overdue. `warn`: with its warnings."""
    totals = invoice.totals
    return pb.Invoice(
        id=invoice.id,
        number=invoice.number,
        status=STATUSES[invoice.status],
        overdue=invoice.overdue(today),
        customer=customer_message(invoice.customer),
        currency_code=invoice.currency,
        lines=[_line_message(line) for line in totals.lines],
        subtotal_minor=totals.subtotal_minor,
        discount_minor=totals.discount_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
        amount_paid_minor=invoice.amount_paid_minor,
        amount_due_minor=invoice.amount_due_minor,
        prices_include_tax=invoice.prices_include_tax,
        issue_date=day(invoice.issue_date or invoice.terms.issue_date),
        due_date=day(invoice.due_date or invoice.terms.due_date),
        notes=invoice.notes,
        reference=invoice.reference,
        public_url=links.invoice(invoice.token),
        pdf_url=links.pdf(invoice.token),
        issue_time=moment(invoice.issued_at),
        paid_time=moment(invoice.paid_at),
        create_time=moment(invoice.created_at),
        version=invoice.version,
        transfer_claim_time=moment(invoice.transfer_claimed_at),
        refunded_minor=invoice.refunded_minor,
        credit_minor=invoice.credit_minor,
        warnings=_warnings(invoice) if warn else (),
    )


def payable_message(
    invoice: Invoice, business: Business, links: Links, recorded: Sequence[str]
) -> pb.GetPayableResponse:
    """Return what payments may collect, and from whom; `recorded` are the ids of the payments that it includes."""
    return pb.GetPayableResponse(
        business_id=invoice.business_id,
        invoice_id=invoice.id,
        invoice_number=invoice.number,
        status=STATUSES[invoice.status],
        amount_due=common_pb2.Money(currency_code=invoice.currency, amount_minor=invoice.amount_due_minor),
        customer_email=invoice.customer.email,
        public_url=links.invoice(invoice.token),
        traceparent=invoice.traceparent,
        customer_id=invoice.customer.id,
        customer_name=invoice.customer.name,
        business_name=business.name,
        country_code=business.country,
        recorded_payment_ids=recorded,
    )


def receipt_message(receipt: Receipt, links: Links) -> pb.Receipt:
    return pb.Receipt(
        id=receipt.id,
        number=receipt.number,
        invoice_id=receipt.invoice_id,
        invoice_number=receipt.invoice_number,
        payment_id=receipt.payment_id,
        amount=common_pb2.Money(currency_code=receipt.currency, amount_minor=receipt.amount_minor),
        channel=receipt.channel,
        reference=receipt.reference,
        paid_time=moment(receipt.paid_at),
        amount_due_minor=receipt.amount_due_minor,
        public_url=links.receipt(receipt.token),
        credit_minor=receipt.credit_minor,
        returned_minor=receipt.returned_minor,
    )


def entry_message(entry: TimelineEntry) -> pb.InvoiceEvent:
    return pb.InvoiceEvent(id=entry.id, kind=entry.kind, occur_time=moment(entry.occurred_at), details=entry.details)


def recorded_message(recorded: RecordedPayment) -> pb.RecordedPayment:
    return pb.RecordedPayment(
        payment_id=recorded.payment_id,
        business_id=recorded.business_id,
        invoice_id=recorded.invoice_id,
        receipt_id=recorded.receipt_id,
        amount=common_pb2.Money(amount_minor=recorded.amount_minor, currency_code=recorded.currency),
    )


def fault_message(breach: Breach) -> pb.InvoiceFault:
    return pb.InvoiceFault(business_id=breach.business_id, invoice_id=breach.ids[0], detail=breach.said)
