"""Receipts, money that went back, and what happened to an invoice."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_invoices.domain.invoice import Receipt, Recorded, Reversal, TimelineEntry
from whatsinvoice_invoices.models import RECEIPTS, REVERSALS, TIMELINE

_KEPT = tuple(name for name in Receipt.__dataclass_fields__ if name != "returned_minor")
_RETURNED = (
    select(func.coalesce(func.sum(REVERSALS.c.amount_minor), 0))
    .where(REVERSALS.c.payment_id == RECEIPTS.c.payment_id)
    .scalar_subquery()
    .label("returned_minor")
)
_RECEIPTS = select(*(RECEIPTS.c[name] for name in _KEPT), _RETURNED)


def _receipt(row: Row[tuple[object, ...]]) -> Receipt:
    fields = {name: row._mapping[name] for name in _KEPT}  # noqa: SLF001  (documented)
    return Receipt(**fields, returned_minor=int(row.returned_minor))


async def add_receipt(tx: Transaction, receipt: Receipt) -> None:
    await tx.execute(insert(RECEIPTS).values({name: getattr(receipt, name) for name in _KEPT}))


async def recorded_payments(tx: Transaction, business_id: str, invoice_id: str) -> Sequence[str]:
    """Return the ids of the payments that an invoice has recorded."""
    statement = select(RECEIPTS.c.payment_id).where(
        RECEIPTS.c.business_id == business_id, RECEIPTS.c.invoice_id == invoice_id
    )
    return (await tx.execute(statement.order_by(RECEIPTS.c.id))).scalars().all()


async def receipt_of_payment(tx: Transaction, business_id: str, payment_id: str) -> Receipt | None:
    statement = _RECEIPTS.where(RECEIPTS.c.business_id == business_id, RECEIPTS.c.payment_id == payment_id)
    row = (await tx.execute(statement)).one_or_none()
    return _receipt(row) if row else None


async def receipt(tx: Transaction, business_id: str, receipt_id: str) -> Receipt | None:
    statement = _RECEIPTS.where(RECEIPTS.c.business_id == business_id, RECEIPTS.c.id == receipt_id)
    row = (await tx.execute(statement)).one_or_none()
    return _receipt(row) if row else None


async def receipt_by_token(tx: Transaction, token: str) -> Receipt | None:
    """Whoever holds the link may see it, whatever the business."""
    row = (await tx.execute(_RECEIPTS.where(RECEIPTS.c.token == token))).one_or_none()
    return _receipt(row) if row else None


async def receipts_of(tx: Transaction, business_id: str, invoice_id: str) -> list[Receipt]:
    """The oldest first."""
    statement = _RECEIPTS.where(RECEIPTS.c.business_id == business_id, RECEIPTS.c.invoice_id == invoice_id)
    return [_receipt(row) for row in await tx.execute(statement.order_by(RECEIPTS.c.id))]


async def what_is_left(tx: Transaction, business_id: str, payment_id: str) -> Recorded | None:
    """What of a payment is still there, applied and as credit; None before it was recorded."""
    parts = select(
        func.coalesce(func.sum(REVERSALS.c.from_applied_minor), 0).label("applied"),
        func.coalesce(func.sum(REVERSALS.c.from_credit_minor), 0).label("credit"),
    ).where(REVERSALS.c.business_id == business_id, REVERSALS.c.payment_id == payment_id)
    of_payment = select(RECEIPTS.c.amount_minor, RECEIPTS.c.credit_minor).where(
        RECEIPTS.c.business_id == business_id, RECEIPTS.c.payment_id == payment_id
    )
    row = (await tx.execute(of_payment)).one_or_none()
    if row is None:
        return None
    back = (await tx.execute(parts)).one()
    return Recorded(row.amount_minor - row.credit_minor - int(back.applied), row.credit_minor - int(back.credit))


async def add_reversal(tx: Transaction, reversal: Reversal) -> bool:
    """Writes it; False when the same cause gave money of this payment back before."""
    values = {name: getattr(reversal, name) for name in Reversal.__dataclass_fields__}
    statement = upsert(REVERSALS).values(values).on_conflict_do_nothing().returning(REVERSALS.c.id)
    return (await tx.execute(statement)).one_or_none() is not None


async def add_entries(
    tx: Transaction, business_id: str, invoice_id: str, *entries: tuple[str, datetime, dict[str, str]]
) -> None:
    """Adds what happened: kind, when, details."""
    rows = [
        {
            "id": new_id("tml"),
            "business_id": business_id,
            "invoice_id": invoice_id,
            "kind": kind,
            "occurred_at": occurred_at,
            "details": details,
        }
        for kind, occurred_at, details in entries
    ]
    await tx.execute(insert(TIMELINE), rows)


async def timeline(tx: Transaction, business_id: str, invoice_id: str) -> list[TimelineEntry]:
    """The oldest first."""
    statement = select(TIMELINE).where(TIMELINE.c.business_id == business_id, TIMELINE.c.invoice_id == invoice_id)
    rows = await tx.execute(statement.order_by(TIMELINE.c.occurred_at, TIMELINE.c.id))
    return [TimelineEntry(row.id, row.kind, row.occurred_at, row.details) for row in rows]
