"""Receipts as recorded payments, by id of the payment."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_invoices.domain.recorded import RecordedPayment
from whatsinvoice_invoices.models import RECEIPTS

_COLUMNS = (
    RECEIPTS.c.payment_id,
    RECEIPTS.c.business_id,
    RECEIPTS.c.invoice_id,
    RECEIPTS.c.id.label("receipt_id"),
    RECEIPTS.c.amount_minor,
    RECEIPTS.c.currency,
)


async def recorded_after(tx: Transaction, payment_id: str, limit: int) -> Sequence[RecordedPayment]:
    """Return the next recorded payments of all businesses."""
    statement = select(*_COLUMNS).where(RECEIPTS.c.payment_id > payment_id).order_by(RECEIPTS.c.payment_id)
    return await _read(tx, statement.limit(limit))


async def recorded_as(tx: Transaction, payment_ids: Sequence[str]) -> Sequence[RecordedPayment]:
    """Return the recorded ones of these payments."""
    return await _read(tx, select(*_COLUMNS).where(RECEIPTS.c.payment_id.in_(payment_ids)))


async def _read(tx: Transaction, statement: Select[tuple[str, str, str, str, int, str]]) -> list[RecordedPayment]:
    rows = await tx.execute(statement)
    return [
        RecordedPayment(row.payment_id, row.business_id, row.invoice_id, row.receipt_id, row.amount_minor, row.currency)
        for row in rows
    ]
