"""Invoices that customers were sent: what a customer who writes back may still pay."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.waiting import arrived

from whatsinvoice_notifications.domain.billing import Invoice, SentInvoice
from whatsinvoice_notifications.models import SENT_INVOICES


async def put_invoice(tx: Transaction, business_id: str, business_name: str, invoice: Invoice) -> bool:
    """Keeps the newest version, whatever the order they come in; whether by that one it can still be paid."""
    values = {
        "invoice_id": invoice.id,
        "business_id": business_id,
        "phone": invoice.customer_phone,
        "business_name": business_name,
        "number": invoice.number,
        "public_url": invoice.public_url,
        "currency": invoice.currency,
        "due_minor": invoice.due_minor,
        "due_date": invoice.due_date,
        "settled": invoice.settled,
        "version": invoice.version,
    }
    statement = insert(SENT_INVOICES).values(values)
    table = SENT_INVOICES
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["invoice_id"], set_=values, where=table.c.version < invoice.version
        )
    )
    await arrived(tx, "notifications", f"invoice {invoice.id}")
    kept = select(table.c.settled).where(table.c.invoice_id == invoice.id)
    return not (await tx.execute(kept)).scalar_one()


async def sent_invoice(tx: Transaction, business_id: str, invoice_id: str) -> tuple[str, SentInvoice] | None:
    """The phone of its customer, empty without one, and the invoice; None before it was heard of."""
    table = SENT_INVOICES
    statement = select(table).where(table.c.business_id == business_id, table.c.invoice_id == invoice_id)
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        return None
    due = Money(row.due_minor, row.currency)
    return row.phone, SentInvoice(row.business_name, row.number, row.public_url, due)


async def last_of(tx: Transaction, phone: str) -> tuple[bool, SentInvoice | None]:
    """Whether the phone was ever sent an invoice, by any business, and the latest one not settled."""
    table = SENT_INVOICES
    statement = select(table).where(table.c.phone == phone).order_by(table.c.settled, table.c.invoice_id.desc())
    row = (await tx.execute(statement.limit(1))).one_or_none()
    if row is None or row.settled:
        return row is not None, None
    return True, SentInvoice(row.business_name, row.number, row.public_url, Money(row.due_minor, row.currency))
