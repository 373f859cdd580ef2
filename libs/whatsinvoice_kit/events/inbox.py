"""The inbox: an event's effect and the note that it happened are one transaction, so it happens once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy import Table, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from whatsinvoice_kit.data.db import is_away
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.events.bus import Delivery
from whatsinvoice_kit.events.outbox import attributes_of
from whatsinvoice_kit.events.waiting import NotReady, WaitingEvents
from whatsinvoice_kit.observe import telemetry

log = structlog.get_logger(__name__)

APPLIED = Counter("events_applied_total", "Events whose effect was committed", ["event_type"])
FAILED = Counter("events_failed_total", "Events whose handler raised", ["event_type"])

Handler = Callable[[Transaction, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a service hears of one stream: message class -> handler. Other events of the stream are passed over."""

    stream: str
    handlers: Mapping[type[Any], Handler]


class Inbox:
    """Applies deliveries of one subscription in batches: one transaction, each event in its own savepoint."""

    def __init__(
        self, unit_of_work: UnitOfWork, table: Table, subscription: Subscription, waiting: WaitingEvents
    ) -> None:
        self._unit_of_work = unit_of_work
        self._table = table
        self._waiting = waiting
        self._stream = subscription.stream
        self._handlers = {message.__name__: (message, handler) for message, handler in subscription.handlers.items()}

    async def apply(self, deliveries: Sequence[Delivery]) -> set[str]:
        """Applies what is new and gives the event ids that failed.

        Raises:
            ConnectionError: the database is away; nothing was applied and nobody is to blame.
        """
        known = [delivery for delivery in deliveries if delivery.event_type in self._handlers]
        if not known:
            return set()
        try:
            async with self._unit_of_work.begin() as tx:
                fresh, failed = await self._apply(tx, known)
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise ConnectionError(type(error).__name__) from error
        except DBAPIError as error:
            if is_away(error):
                raise ConnectionError(type(error).__name__) from error
            raise
        for delivery in fresh:
            (FAILED if delivery.event_id in failed else APPLIED).labels(delivery.event_type).inc()
        return failed

    async def _apply(self, tx: Transaction, deliveries: Sequence[Delivery]) -> tuple[list[Delivery], set[str]]:
        """Those not applied before, and the event ids among them that failed."""
        # in one order everywhere, or two batches with the same events could wait for each other
        by_id = {d.event_id: d for d in sorted(deliveries, key=lambda d: d.event_id)}
        rows = [{"event_id": d.event_id, "event_type": d.event_type} for d in by_id.values()]
        statement = insert(self._table).values(rows).on_conflict_do_nothing().returning(self._table.c.event_id)
        unseen = set((await tx.execute(statement)).scalars())
        fresh = [d for d in {d.event_id: d for d in reversed(deliveries)}.values() if d.event_id in unseen][::-1]
        failed = {delivery.event_id for delivery in fresh if not await self._apply_one(tx, delivery)}
        if failed:
            await tx.execute(delete(self._table).where(self._table.c.event_id.in_(failed)))
        return fresh, failed

    async def _apply_one(self, tx: Transaction, delivery: Delivery) -> bool:
        message_type, handler = self._handlers[delivery.event_type]
        attributes = attributes_of(self._stream, delivery.event_type, delivery.event_id)
        try:
            with telemetry.span(f"process {self._stream}", "consumer", attributes, within=delivery.traceparent):
                async with tx.savepoint():
                    await handler(tx, message_type.FromString(delivery.payload))
        except NotReady as late:
            await self._waiting.put(tx, self._stream, delivery, late.waits_for)
        except Exception as error:
            if is_away(error):
                raise
            log.exception("event failed", event_type=delivery.event_type, event_id=delivery.event_id)
            return False
        return True
