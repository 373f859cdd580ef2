"""Payments as the audit compares them with what invoices recorded."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, select
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.recorded import Settled
from whatsinvoice_payments.models import PAYMENTS

_COLUMNS = (
    PAYMENTS.c.id,
    PAYMENTS.c.business_id,
    PAYMENTS.c.invoice_id,
    PAYMENTS.c.settled_minor,
    PAYMENTS.c.currency,
)


async def payments_as(tx: Transaction, ids: Sequence[str]) -> dict[str, Settled]:
    """Return those of the payments that exist, by id, of all businesses."""
    rows = await tx.execute(select(*_COLUMNS).where(PAYMENTS.c.id.in_(ids)))
    return {row.id: _settled(row) for row in rows}


async def settled_after(tx: Transaction, payment_id: str, settled_before: datetime, limit: int) -> Sequence[Settled]:
    """Return the next settled payments of all businesses that have not changed since a moment."""
    statement = select(*_COLUMNS).where(
        PAYMENTS.c.id > payment_id, PAYMENTS.c.settled_minor.is_not(None), PAYMENTS.c.updated_at < settled_before
    )
    return [_settled(row) for row in await tx.execute(statement.order_by(PAYMENTS.c.id).limit(limit))]


def _settled(row: Row[tuple[str, str, str, int | None, str]]) -> Settled:
    return Settled(row.id, row.business_id, row.invoice_id, row.settled_minor, row.currency)
