"""Stored webhooks, and the queue that they are until each has its outcome."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.observe.telemetry import current_traceparent

from whatsinvoice_payments.domain.webhook import Received, StoredEvent
from whatsinvoice_payments.models import WEBHOOK_EVENTS

PROVIDER = "paystack"


async def add_event(tx: Transaction, received: Received) -> bool:
    """Stores a webhook; False when the very same one is there already."""
    statement = (
        upsert(WEBHOOK_EVENTS)
        .values(
            id=new_id("whe"),
            provider=PROVIDER,
            event=received.event,
            natural_id=received.natural_id,
            body_hash=received.body_hash,
            body=received.body,
            traceparent=current_traceparent(),
        )
        .on_conflict_do_nothing()
        .returning(WEBHOOK_EVENTS.c.id)
    )
    return (await tx.execute(statement)).one_or_none() is not None


async def claim_events(tx: Transaction, moment: datetime, lease: timedelta, limit: int) -> Sequence[StoredEvent]:
    """Webhooks that wait for their effect, oldest first; another worker gets them after the lease."""
    table = WEBHOOK_EVENTS
    waiting = (
        select(table.c.id)
        .where(table.c.processed_at.is_(None), table.c.next_attempt_at <= moment)
        .order_by(table.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(table)
        .where(table.c.id.in_(waiting))
        .values(next_attempt_at=moment + lease, attempts=table.c.attempts + 1)
        .returning(table.c.id, table.c.event, table.c.body, table.c.attempts, table.c.received_at, table.c.traceparent)
    )
    return [
        StoredEvent(row.id, row.event, row.body, row.attempts, row.received_at, row.traceparent)
        for row in await tx.execute(statement)
    ]


async def finish_event(tx: Transaction, event_id: str, outcome: str, error: str) -> None:
    await tx.execute(
        update(WEBHOOK_EVENTS)
        .where(WEBHOOK_EVENTS.c.id == event_id)
        .values(processed_at=func.now(), outcome=outcome, error=error)
    )


async def postpone_event(tx: Transaction, event_id: str, until: datetime, error: str) -> None:
    await tx.execute(
        update(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.id == event_id).values(next_attempt_at=until, error=error)
    )
