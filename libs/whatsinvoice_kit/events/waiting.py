"""Events that arrived before what they need: they wait in a table, cost no delivery, and are tried when that arrives.

The retry is work of the service's queue: `arrived` makes it due at once, and without that it is tried once a minute.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import structlog
from prometheus_client import Gauge
from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, Table, Text, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.queue import work
from whatsinvoice_kit.queue.work import NewWork
from whatsinvoice_kit.queue.worker import Queue, RetryLater, Taken

log = structlog.get_logger(__name__)

KIND = "waiting_event"
RETRY_SECONDS = 60.0
GIVEN_UP = "given up: "
WAITING = Gauge("events_waiting_seconds", "How long the oldest event has waited for another one")


class NotReady(Exception):  # noqa: N818  (nothing is wrong: the other event is late)
    """A handler needs something that has not arrived. `waits_for` names it, as its `arrived` call will."""

    def __init__(self, waits_for: str) -> None:
        super().__init__(waits_for)
        self.waits_for = waits_for


def waiting_table(metadata: MetaData) -> Table:
    """Return the table; its migration is `migrations.create_work_tables`."""
    table = Table(
        "waiting_events",
        metadata,
        Column("event_id", Text, primary_key=True),
        Column("stream", Text, nullable=False),
        Column("event_type", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("traceparent", Text, nullable=False, server_default=""),
        Column("waits_for", Text, nullable=False),
        Column("since", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    Index("ix_waiting_events_waits_for", table.c.waits_for)
    return table


class Subscribed(Protocol):
    """A stream and its handlers by message class, as `inbox.Subscription` declares them."""

    @property
    def stream(self) -> str: ...

    @property
    def handlers(self) -> Mapping[type[Any], Callable[[Transaction, Any], Awaitable[None]]]: ...


class WaitingEvents:
    """The waiting events of one service, and how they are tried again."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        table: Table,
        work_table: Table,
        subscriptions: Sequence[Subscribed],
    ) -> None:
        self._unit_of_work = unit_of_work
        self._table = table
        self._work = work_table
        self._handlers: dict[tuple[str, str], tuple[Any, Callable[[Transaction, Any], Awaitable[None]]]] = {
            (subscription.stream, message.__name__): (message, handler)
            for subscription in subscriptions
            for message, handler in subscription.handlers.items()
        }

    async def put(self, tx: Transaction, stream: str, delivery: Any, waits_for: str) -> None:
        """Let a delivered event wait."""
        row = {
            "event_id": delivery.event_id,
            "stream": stream,
            "event_type": delivery.event_type,
            "payload": delivery.payload,
            "traceparent": delivery.traceparent,
            "waits_for": waits_for,
        }
        await tx.execute(insert(self._table).values(row).on_conflict_do_nothing())
        again = NewWork(KIND, delivery.event_id, delay=timedelta(seconds=RETRY_SECONDS))
        await work.add(tx, self._work, [again])

    def queue(self) -> Queue:
        """Return the queue that tries waiting events again."""
        return Queue(KIND, self._apply, self._give_up, concurrency=4, tries=5)

    async def _apply(self, taken: Taken) -> None:
        mine = self._table.c.event_id == taken.key
        async with self._unit_of_work.begin() as tx:
            row = (await tx.execute(select(self._table).where(mine))).one_or_none()
            if row is not None:
                message_type, handler = self._handlers[row.stream, row.event_type]
                try:
                    async with tx.savepoint():
                        await handler(tx, message_type.FromString(row.payload))
                except NotReady as late:
                    raise RetryLater(RETRY_SECONDS, late.waits_for) from None
                await tx.execute(delete(self._table).where(mine))
            await taken.finish(tx)

    async def _give_up(self, tx: Transaction, taken: Taken, error: str) -> None:
        """Keep the row under the name of its error, so that `events_waiting_seconds` goes on to count it."""
        log.error("waiting event given up", event_id=taken.key, error=error)
        given_up = update(self._table).where(self._table.c.event_id == taken.key).values(waits_for=f"{GIVEN_UP}{error}")
        await tx.execute(given_up)

    async def retry_given_up(self) -> None:
        """Make the events due that were given up."""
        async with self._unit_of_work.begin() as tx:
            found = await tx.execute(select(self._table.c.event_id).where(self._table.c.waits_for.startswith(GIVEN_UP)))
            await work.add(tx, self._work, [NewWork(KIND, event_id) for event_id in found.scalars()])

    async def measure(self) -> None:
        """Set the gauge."""
        age = func.extract("epoch", func.clock_timestamp() - func.min(self._table.c.since))
        async with self._unit_of_work.begin() as tx:
            WAITING.set(float((await tx.execute(select(age))).scalar_one() or 0))


async def arrived(tx: Transaction, schema: str, name: str) -> None:
    """Make the events due that wait for `name`, in the transaction in which it arrives."""
    statement = text(f"""
        UPDATE {schema}.work SET run_at = clock_timestamp(), generation = generation + 1
        WHERE kind = :kind AND key IN (SELECT event_id FROM {schema}.waiting_events WHERE waits_for = :name)
    """)  # noqa: S608  the schema is the service's own name
    await tx.execute(statement, {"kind": KIND, "name": name})
