"""Refunds: rows <-> aggregates, and the queue of those that are to be sent or asked about."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Row, func, insert, select, update
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.refund import UNFINISHED, Refund, RefundStatus
from whatsinvoice_payments.models import REFUNDS

CHANNEL = "payments_refunds"
"""Of the NOTIFY that wakes whoever sends refunds."""
_UNFINISHED = [status.value for status in UNFINISHED]


def _refund(row: Row[tuple[object, ...]]) -> Refund:
    fields = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    return Refund(**(fields | {"status": RefundStatus(fields["status"])}))


def _row_of(refund: Refund) -> dict[str, object]:
    return asdict(refund) | {"status": refund.status.value}


async def add_refund(tx: Transaction, refund: Refund) -> None:
    """Adds one; whoever sends refunds wakes with the commit."""
    await tx.execute(insert(REFUNDS).values(_row_of(refund)))
    await tx.execute(select(func.pg_notify(CHANNEL, "")))


async def save_refund(tx: Transaction, refund: Refund) -> None:
    """Writes one back with its next version; its payment must be locked."""
    refund.version += 1
    refund.updated_at = now()
    await tx.execute(update(REFUNDS).where(REFUNDS.c.id == refund.id).values(_row_of(refund)))


async def refund(tx: Transaction, business_id: str, refund_id: str) -> Refund | None:
    statement = select(REFUNDS).where(REFUNDS.c.business_id == business_id, REFUNDS.c.id == refund_id)
    row = (await tx.execute(statement)).one_or_none()
    return _refund(row) if row else None


async def given_by_key(tx: Transaction, business_id: str, api_key_id: str, currency: str, since: datetime) -> int:
    """Return the sum of an API key's refunds since a moment; no other of it is given until the transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"payments.refunds:{api_key_id}", 0))))
    statement = select(func.coalesce(func.sum(REFUNDS.c.amount_minor), 0)).where(
        REFUNDS.c.business_id == business_id,
        REFUNDS.c.api_key_id == api_key_id,
        REFUNDS.c.currency == currency,
        REFUNDS.c.created_at > since,
        REFUNDS.c.status != RefundStatus.FAILED.value,
    )
    return int((await tx.execute(statement)).scalar_one())


async def refunds_of(tx: Transaction, payment_id: str) -> Sequence[Refund]:
    """All of a payment, oldest first, locked."""
    statement = select(REFUNDS).where(REFUNDS.c.payment_id == payment_id).order_by(REFUNDS.c.id)
    return [_refund(row) for row in await tx.execute(statement.with_for_update())]


async def known_provider_ids(tx: Transaction, provider_ids: Collection[str]) -> set[str]:
    """Those of them that a refund of ours has."""
    statement = select(REFUNDS.c.provider_id).where(REFUNDS.c.provider_id.in_(provider_ids))
    return set((await tx.execute(statement)).scalars())


async def list_refunds(tx: Transaction, business_id: str, payment_id: str, before: str, limit: int) -> Sequence[Refund]:
    """Newest first, those older than `before` when it is given, of one payment when it is given."""
    statement = select(REFUNDS).where(REFUNDS.c.business_id == business_id)
    if payment_id:
        statement = statement.where(REFUNDS.c.payment_id == payment_id)
    if before:
        statement = statement.where(REFUNDS.c.id < before)
    return [_refund(row) for row in await tx.execute(statement.order_by(REFUNDS.c.id.desc()).limit(limit))]


async def claim_due_refunds(tx: Transaction, moment: datetime, lease: timedelta, limit: int) -> Sequence[Refund]:
    """Those whose time has come, this attempt counted; they come again after the lease if we die over them."""
    due = (
        select(REFUNDS.c.id)
        .where(REFUNDS.c.next_attempt_at <= moment)
        .order_by(REFUNDS.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(REFUNDS)
        .where(REFUNDS.c.id.in_(due))
        .values(next_attempt_at=moment + lease, attempts=REFUNDS.c.attempts + 1)
        .returning(REFUNDS)
    )
    return [_refund(row) for row in await tx.execute(statement)]


async def postpone_refund(tx: Transaction, refund_id: str, until: datetime | None) -> None:
    """Moves the next attempt of one that has not ended."""
    statement = update(REFUNDS).where(REFUNDS.c.id == refund_id, REFUNDS.c.status.in_(_UNFINISHED))
    await tx.execute(statement.values(next_attempt_at=until))


async def count_unfinished(tx: Transaction) -> tuple[dict[RefundStatus, int], datetime | None]:
    """How many there are by status, and when the oldest was wanted."""
    table = REFUNDS
    statement = (
        select(table.c.status, func.count().label("found"), func.min(table.c.created_at).label("oldest"))
        .where(table.c.status.in_(_UNFINISHED))
        .group_by(table.c.status)
    )
    rows = list(await tx.execute(statement))
    counts = {RefundStatus(row.status): int(row.found) for row in rows}
    return counts, min((row.oldest for row in rows), default=None)
