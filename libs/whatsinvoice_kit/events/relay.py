"""The relay: carries the outbox to the stream, and notices a Redis that restarted, was emptied, or is another one."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import structlog
from faststream.redis.parser import BinaryMessageFormatV1
from prometheus_client import Counter, Gauge
from sqlalchemy import Row, Select, Table, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.events.authentic import EventKeys
from whatsinvoice_kit.events.connection import RedisClient, beside
from whatsinvoice_kit.events.outbox import attributes_of
from whatsinvoice_kit.observe import telemetry

log = structlog.get_logger(__name__)

BATCH = 500
STREAM_KEPT_MS = 3 * 86_400_000
INBOX_DAYS = 30
"""Longer than the outbox window, so that whatever is published again is known."""
QUEUE_AGAIN_TIMEOUT = "10min"
"""Marking a whole window of millions takes longer than any request may."""
MARGIN = timedelta(minutes=1)
"""Far above the time that a batch may take between reading the clock and XADD."""

_RUN_ID = "local run_id = redis.call('INFO', 'server'):match('run_id:(%x+)')\n"
_IDENTIFY = _RUN_ID + "return {run_id, redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or ''}"
_PUBLISH = (
    _RUN_ID
    + """
if run_id ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then
    return 0
end
for number = 4, #ARGV do
    redis.call('XADD', KEYS[1], '*', '__data__', ARGV[number])
end
redis.call('SET', KEYS[3], ARGV[3])
return 1
"""
)
"""One step on the server, so that nothing is added to another Redis than the one that is known (decision 13)."""

PUBLISHED = Counter("outbox_published_total", "Events published to the stream", ["stream"])
REPUBLISHED = Counter("outbox_republished_total", "Events to be published again after a loss of Redis", ["stream"])
WAITING = Gauge("outbox_waiting", "Events not yet published", ["stream"])
AGE = Gauge("outbox_age_seconds", "Age of the oldest event not yet published", ["stream"])


async def encoded(keys: EventKeys, stream: str, event: Any, traceparent: str) -> bytes:
    """Return an event as FastStream reads it, with the MAC for each consuming service."""
    headers = {"event_type": event.event_type, "event_id": event.event_id, "traceparent": traceparent}
    headers |= keys.headers(stream, event.event_type, event.event_id, event.payload)
    return await BinaryMessageFormatV1.encode(
        message=event.payload, reply_to=None, headers=headers, correlation_id=event.event_id
    )


class Relay:
    """Publishes one service's outbox to `whatsinvoice.<service>.v1`; several may run beside each other."""

    def __init__(
        self,
        redis: RedisClient,
        unit_of_work: UnitOfWork,
        outbox: Table,
        state: Table,
        stream: str,
        keys: EventKeys,
        *,
        days: int = 14,
    ) -> None:
        self._redis = redis
        self._unit_of_work = unit_of_work
        self._outbox = outbox
        self._state = state
        self._stream = stream
        self._keys = keys
        self._window = timedelta(days=days)
        self._epoch_key = beside(stream, "epoch")
        self._position_key = beside(stream, "position")

    async def publish_batch(self) -> int:
        """Publishes up to 500 events and marks them; gives their number.

        A crash between XADD and the mark publishes them again, and inboxes drop the second.
        """
        count = await self._publish()
        if count is None:
            await self.check_redis()
            count = await self._publish()
        return count or 0

    async def _publish(self) -> int | None:
        """None, and nothing is published, when this is not the Redis that is known."""
        table = self._outbox
        columns = (table.c.sequence, table.c.event_id, table.c.event_type, table.c.payload, table.c.traceparent)
        statement = (
            select(*columns, func.clock_timestamp().label("read_at"))
            .where(table.c.published_at.is_(None))
            .order_by(table.c.sequence)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        async with self._unit_of_work.begin() as tx:
            rows = (await tx.execute(statement)).all()
            if not rows:
                return 0
            # Held until the mark is committed: whoever notes another Redis finds these among what was published.
            known = (await tx.execute(self._known().with_for_update(read=True))).one_or_none()
            if known is None or not await self._send(rows, known.run_id, known.epoch):
                return None
            await self._mark(tx, [row.sequence for row in rows])
        PUBLISHED.labels(self._stream).inc(len(rows))
        return len(rows)

    async def _send(self, rows: Sequence[Row[Any]], run_id: str, epoch: str) -> bool:
        """Writes them to the stream in one step; False, and nothing is written, when it is not this Redis."""
        keys = (self._stream, self._epoch_key, self._position_key)
        with ExitStack() as spans:
            batch = [await encoded(self._keys, self._stream, row, self._traceparent(row, spans)) for row in rows]
            position = str(rows[0].read_at.timestamp())
            return bool(await self._redis.eval(_PUBLISH, len(keys), *keys, run_id, epoch, position, *batch))

    def _traceparent(self, row: Row[Any], spans: ExitStack) -> str:
        """Of the span in which a sampled event is published, which lasts until its batch is with Redis."""
        if not telemetry.sampled(row.traceparent):
            return str(row.traceparent)
        attributes = attributes_of(self._stream, row.event_type, row.event_id)
        span = telemetry.span(
            f"publish {self._stream}", "producer", attributes, within=row.traceparent, link=row.traceparent
        )
        spans.enter_context(span)
        return telemetry.current_traceparent()

    def _known(self) -> Select[tuple[str, str]]:
        columns = self._state.c
        return select(columns.run_id, columns.epoch).where(columns.stream == self._stream)

    async def _mark(self, tx: Transaction, sequences: list[int]) -> None:
        table = self._outbox
        await tx.execute(
            update(table).where(table.c.sequence.in_(sequences)).values(published_at=func.clock_timestamp())
        )

    async def check_redis(self) -> int:
        """Compares Redis with the one last published to, and queues again what may be lost.

        One that restarted, or a replica that took over, has the position that was written with the last batch it has:
        only what followed is published again. An emptied Redis has no epoch: the whole window is. Gives the number of
        events queued again.
        """
        run_id, epoch, _ = await self._identify()
        async with self._unit_of_work.begin() as tx:
            known = (await tx.execute(self._known())).one_or_none()
            if known is not None and (known.run_id, known.epoch) == (run_id, epoch):
                return 0
        return await self._take_over()

    async def _identify(self) -> tuple[str, str, str]:
        """Run id, epoch and position of the Redis that has the stream."""
        found = await self._redis.eval(_IDENTIFY, 2, self._epoch_key, self._position_key)
        run_id, epoch, position = (text.decode() for text in found)
        return run_id, epoch, position

    async def _take_over(self) -> int:
        """Notes which Redis is published to from now on; another relay may do the same at this moment."""
        async with self._unit_of_work.begin() as tx:
            known = (await tx.execute(self._known().with_for_update())).one_or_none()
            run_id, epoch, position = await self._identify()
            if known is not None and (known.run_id, known.epoch) == (run_id, epoch):
                return 0
            count = 0
            if known is not None:
                same_data = bool(epoch) and known.epoch == epoch and bool(position)
                count = await self._queue_again(tx, float(position) if same_data else None)
            if not epoch:  # another relay may be naming it at this moment: the first to do so is right
                await self._redis.set(self._epoch_key, os.urandom(8).hex(), nx=True)
                epoch = (await self._redis.get(self._epoch_key)).decode()
            row = {"run_id": run_id, "epoch": epoch}
            upsert = insert(self._state).values(stream=self._stream, **row)
            await tx.execute(upsert.on_conflict_do_update(index_elements=["stream"], set_=row))
        if known is not None:
            log.warning("redis restarted, was emptied or is another", stream=self._stream, queued_again=count)
            REPUBLISHED.labels(self._stream).inc(count)
        return count

    async def _queue_again(self, tx: Transaction, position: float | None) -> int:
        await tx.execute(text(f"SET LOCAL statement_timeout = '{QUEUE_AGAIN_TIMEOUT}'"))
        published = self._outbox.c.published_at
        statement = update(self._outbox).values(published_at=None).where(published.is_not(None))
        if position is not None:
            statement = statement.where(published >= func.to_timestamp(position) - MARGIN)
        return (await tx.execute(statement)).rowcount

    async def measure(self) -> None:
        """Sets the gauges of what waits."""
        table = self._outbox
        age = func.extract("epoch", func.clock_timestamp() - func.min(table.c.created_at))
        statement = select(func.count().label("waiting"), age.label("age")).where(table.c.published_at.is_(None))
        async with self._unit_of_work.begin() as tx:
            row = (await tx.execute(statement)).one()
        WAITING.labels(self._stream).set(row.waiting)
        AGE.labels(self._stream).set(float(row.age or 0))

    async def tidy(self, inbox: Table) -> None:
        """Forgets outbox rows past their window, inbox rows past theirs, and stream entries past three days.

        What a group has still to acknowledge stays in the stream for as long as the outbox would: a consumer that was
        away for a week misses nothing.
        """
        moment = now()
        async with self._unit_of_work.begin() as tx:
            await tx.execute(delete(self._outbox).where(self._outbox.c.published_at < moment - self._window))
            await tx.execute(delete(inbox).where(inbox.c.received_at < moment - timedelta(days=INBOX_DAYS)))
        now_ms = int(moment.timestamp() * 1000)
        limit = now_ms - int(self._window.total_seconds() * 1000)
        oldest = min(now_ms - STREAM_KEPT_MS, max(limit, await self._oldest_needed(now_ms)))
        await self._redis.xtrim(self._stream, minid=str(oldest), approximate=True)

    async def _oldest_needed(self, now_ms: int) -> int:
        """The time, in epoch milliseconds, of the oldest entry that some group has not acknowledged."""
        needed = now_ms
        if await self._redis.exists(self._stream):
            for group in await self._redis.xinfo_groups(self._stream):
                pending = await self._redis.xpending(self._stream, group["name"])
                first = pending["min"] if pending["pending"] else group["last-delivered-id"]
                needed = min(
                    needed, int(first.partition(b"-")[0]) if group["lag"] != 0 or pending["pending"] else now_ms
                )
        return needed
