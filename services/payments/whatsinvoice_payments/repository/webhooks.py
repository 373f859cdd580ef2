"""Stored webhooks, and the queue that they are until each has its outcome."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.observe.telemetry import current_traceparent

from whatsinvoice_payments.domain.kept_webhook import KeptEvent, Selection
from whatsinvoice_payments.domain.webhook import Received, StoredEvent
from whatsinvoice_payments.models import WEBHOOK_EVENTS

PROVIDER = "paystack"
EMPTY = b""


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


def _chosen(wanted: Selection, after: str) -> list[ColumnElement[bool]]:
    table = WEBHOOK_EVENTS
    asked = (
        (table.c.id, wanted.id),
        (table.c.event, wanted.event),
        (table.c.natural_id, wanted.about),
        (table.c.outcome, wanted.outcome),
    )
    chosen: list[ColumnElement[bool]] = [column == value for column, value in asked if value]
    if wanted.since is not None:
        chosen.append(table.c.received_at >= wanted.since)
    if after:
        chosen.append(table.c.id > after)
    return chosen


async def list_events(tx: Transaction, wanted: Selection, after: str, limit: int) -> Sequence[KeptEvent]:
    """Oldest first, those younger than `after` when it is given."""
    table = WEBHOOK_EVENTS
    columns = [table.c[field.name] for field in fields(KeptEvent) if field.name != "emptied"]
    statement = select(*columns, (table.c.body == EMPTY).label("emptied"))
    rows = await tx.execute(statement.where(*_chosen(wanted, after)).order_by(table.c.id).limit(limit))
    return [KeptEvent(**row._mapping) for row in rows]  # noqa: SLF001  (as in payments.py)


async def replay_events(tx: Transaction, ids: Sequence[str]) -> int:
    """Puts webhooks that have their outcome back into the queue, as if they had just come; how many."""
    table = WEBHOOK_EVENTS
    statement = (
        update(table)
        .where(table.c.id.in_(ids), table.c.processed_at.is_not(None), table.c.body != EMPTY)
        .values(processed_at=None, attempts=0, next_attempt_at=func.now(), outcome="", error="")
    )
    return (await tx.execute(statement)).rowcount


async def empty_bodies(tx: Transaction, before: datetime, limit: int) -> int:
    """Forgets the bodies of webhooks that have their outcome and came before that; their keys stay. How many."""
    table = WEBHOOK_EVENTS
    old = (
        select(table.c.id)
        .where(table.c.received_at < before, table.c.body != EMPTY, table.c.processed_at.is_not(None))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await tx.execute(update(table).where(table.c.id.in_(old)).values(body=EMPTY))).rowcount
