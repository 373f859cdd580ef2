"""Disputes: rows <-> aggregates, and those that somebody must look at again."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Row, and_, func, insert, or_, select, update
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.dispute import UNRESOLVED, Dispute, DisputeStatus
from whatsinvoice_payments.models import DISPUTES

_UNRESOLVED = DISPUTES.c.status.in_([status.value for status in UNRESOLVED])


def _dispute(row: Row[tuple[object, ...]]) -> Dispute:
    fields = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    return Dispute(**(fields | {"status": DisputeStatus(fields["status"])}))


def _row_of(dispute: Dispute) -> dict[str, object]:
    return asdict(dispute) | {"status": dispute.status.value}


async def add_dispute(tx: Transaction, dispute: Dispute) -> None:
    await tx.execute(insert(DISPUTES).values(_row_of(dispute)))


async def save_dispute(tx: Transaction, dispute: Dispute) -> None:
    """Writes one back with its next version; its payment must be locked."""
    dispute.version += 1
    dispute.updated_at = now()
    await tx.execute(update(DISPUTES).where(DISPUTES.c.id == dispute.id).values(_row_of(dispute)))


async def dispute(tx: Transaction, business_id: str, dispute_id: str, *, lock: bool = False) -> Dispute | None:
    """One of the business; a locked one is answered by nobody else."""
    statement = select(DISPUTES).where(DISPUTES.c.business_id == business_id, DISPUTES.c.id == dispute_id)
    row = (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _dispute(row) if row else None


async def disputes_of(tx: Transaction, payment_id: str) -> Sequence[Dispute]:
    """All of a payment, oldest first, locked."""
    statement = select(DISPUTES).where(DISPUTES.c.payment_id == payment_id).order_by(DISPUTES.c.id)
    return [_dispute(row) for row in await tx.execute(statement.with_for_update())]


async def list_disputes(tx: Transaction, business_id: str, before: str, limit: int) -> Sequence[Dispute]:
    """Newest first, those older than `before` when it is given."""
    statement = select(DISPUTES).where(DISPUTES.c.business_id == business_id)
    if before:
        statement = statement.where(DISPUTES.c.id < before)
    return [_dispute(row) for row in await tx.execute(statement.order_by(DISPUTES.c.id.desc()).limit(limit))]


async def claim_due_disputes(
    tx: Transaction, moment: datetime, unanswered: timedelta, unresolved: timedelta, limit: int
) -> Sequence[Dispute]:
    """Those that nobody has looked at for so long: whose answer the provider has not taken, and all others.

    They count as looked at from now on, so that they come again if we die over them.
    """
    table = DISPUTES
    answered = and_(table.c.answer != "", table.c.status == DisputeStatus.OPEN.value)
    long_ago = or_(and_(answered, table.c.updated_at <= moment - unanswered), table.c.updated_at <= moment - unresolved)
    due = (
        select(table.c.id)
        .where(_UNRESOLVED, long_ago)
        .order_by(table.c.updated_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = update(table).where(table.c.id.in_(due)).values(updated_at=moment).returning(table)
    return [_dispute(row) for row in await tx.execute(statement)]


async def count_unresolved(tx: Transaction) -> tuple[int, datetime | None]:
    """How many there are, and by when the first of those that wait for the merchant must be answered."""
    open_ones = DISPUTES.c.status == DisputeStatus.OPEN.value
    nearest = func.min(DISPUTES.c.due_at).filter(open_ones).label("nearest")
    row = (await tx.execute(select(func.count().label("found"), nearest).where(_UNRESOLVED))).one()
    return int(row.found), row.nearest
