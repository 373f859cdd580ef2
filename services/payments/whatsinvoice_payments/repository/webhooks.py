"""Stored webhooks. Each waits as work of the queue until it has its outcome."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.queue import work
from whatsinvoice_kit.queue.work import NewWork

from whatsinvoice_payments.domain.kept_webhook import KeptEvent, Selection
from whatsinvoice_payments.domain.webhook import Received, StoredEvent
from whatsinvoice_payments.models import KIT_TABLES, WEBHOOK_EVENTS

PROVIDER = "paystack"
WEBHOOK = "webhook"
"""The kind of work that a stored webhook is."""
EMPTY = b""


async def add_event(tx: Transaction, received: Received) -> str | None:
    """Store a webhook and return its id; None when the very same one is there already."""
    statement = (
        upsert(WEBHOOK_EVENTS)
        .values(
            id=new_id("whe"),
            provider=PROVIDER,
            event=received.event,
            natural_id=received.natural_id,
            body_hash=received.body_hash,
            body=received.body,
        )
        .on_conflict_do_nothing()
        .returning(WEBHOOK_EVENTS.c.id)
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def put_to_work(tx: Transaction, event_id: str) -> None:
    await work.add(tx, KIT_TABLES.work, [NewWork(WEBHOOK, event_id)])


async def event_of(tx: Transaction, event_id: str, attempts: int) -> StoredEvent | None:
    """Return a stored webhook for its next attempt; None when it has its outcome."""
    table = WEBHOOK_EVENTS
    columns = (table.c.id, table.c.event, table.c.body, table.c.received_at)
    statement = select(*columns).where(table.c.id == event_id, table.c.processed_at.is_(None))
    row = (await tx.execute(statement)).one_or_none()
    return row and StoredEvent(row.id, row.event, row.body, attempts, row.received_at)


async def finish_event(tx: Transaction, event_id: str, outcome: str, error: str) -> None:
    await tx.execute(
        update(WEBHOOK_EVENTS)
        .where(WEBHOOK_EVENTS.c.id == event_id)
        .values(processed_at=func.now(), outcome=outcome, error=error)
    )


async def note_error(tx: Transaction, event_id: str, error: str) -> None:
    """Keep what an attempt was missing beside the webhook."""
    await tx.execute(update(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.id == event_id).values(error=error))


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
    """Put webhooks that have their outcome back to work, as if they had just come. Return how many."""
    table = WEBHOOK_EVENTS
    statement = (
        update(table)
        .where(table.c.id.in_(ids), table.c.processed_at.is_not(None), table.c.body != EMPTY)
        .values(processed_at=None, outcome="", error="")
        .returning(table.c.id)
    )
    replayed = (await tx.execute(statement)).scalars().all()
    await work.add(tx, KIT_TABLES.work, [NewWork(WEBHOOK, event_id) for event_id in replayed])
    return len(replayed)


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
