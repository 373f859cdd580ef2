"""The bus: Redis streams through FastStream. Groups are ours to make, and what a dead consumer left is taken over."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from faststream import AckPolicy, Context
from faststream.message import StreamMessage
from faststream.redis import StreamSub
from faststream.redis.parser import BinaryMessageFormatV1
from prometheus_client import Gauge
from redis.exceptions import ResponseError

from whatsinvoice_kit.events.authentic import REFUSED, EventKeys, header_of
from whatsinvoice_kit.events.away import AWAY
from whatsinvoice_kit.events.connection import SOCKET_SECONDS, Connection
from whatsinvoice_kit.events.dead_letters import bury, dead_stream
from whatsinvoice_kit.events.memory import measure_memory

log = structlog.get_logger(__name__)

LAG = Gauge("events_lag", "Events of a stream that a group has not read", ["stream", "group"])
PENDING = Gauge("events_pending", "Events that a group has read and not yet acknowledged", ["stream", "group"])
DEAD = Gauge("events_dead_letters", "Events that rest in the dead letters", ["stream", "group"])
BATCH = 100
POLL_MS = 500
WATCH_SECONDS = 0.5
FORGET_CONSUMER_MS = 86_400_000
_DATA = b"__data__"
_Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as it came from a stream."""

    entry_id: str
    event_id: str
    event_type: str
    traceparent: str
    payload: bytes
    mac: str = ""
    """What proves the producer to the reading group."""


RawMessage = Annotated[Any, Context("message")]
"""FastStream's message around the entries as Redis gave them."""

Applier = Callable[[Sequence[Delivery]], Awaitable[set[str]]]
"""Applies a batch and gives the event ids that failed; raises when the database itself is away."""


async def _untouched(message: Any, _: Any) -> "StreamMessage[Any]":
    """FastStream's own batch parser tries each body as JSON first; ours are protobuf and parsed by `parse_entry`."""
    return StreamMessage(raw_message=message, body=b"")


def parse_entry(entry_id: bytes, fields: dict[bytes, bytes], group: str) -> Delivery:
    """Read a stream entry for a group, as FastStream wrote it. Anything else has no event id and no type."""
    parsed: tuple[bytes, Any] = BinaryMessageFormatV1.parse(fields.get(_DATA, b""))
    body, headers = parsed
    found = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    event_id, event_type = found.get("event_id", ""), found.get("event_type", "")
    mac = found.get(header_of(group), "")
    return Delivery(entry_id.decode(), event_id, event_type, found.get("traceparent", ""), body, mac)


def is_authentic(keys: EventKeys, delivery: Delivery, stream: str, group: str) -> bool:
    """Return whether the producer of a stream made this event for this group. Count and log what it did not make."""
    proven = keys.proves(delivery.mac, stream, delivery.event_type, delivery.event_id, delivery.payload)
    if not proven:
        REFUSED.labels(stream, group).inc()
        log.error("event refused: wrong MAC", stream=stream, group=group, event_id=delivery.event_id)
    return proven


class StreamReader:
    """Reads one stream for one group: a batch reader for what is new, a claimer for what others left.

    FastStream's `min_idle_time` only claims (its issue #3003), hence the two subscribers.
    """

    def __init__(
        self,
        connection: Connection,
        stream: str,
        group: str,
        apply: Applier,
        keys: EventKeys,
        *,
        claim_idle_ms: int,
        max_deliveries: int,
    ) -> None:
        self._redis = connection.redis
        self._stream = stream
        self._group = group
        self._apply = apply
        self._keys = keys
        self._max_deliveries = max_deliveries
        self._consumer = consumer = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"
        common: dict[str, Any] = {"group": group, "consumer": consumer, "last_id": ">"}
        new = StreamSub(stream, batch=True, max_records=BATCH, polling_interval=POLL_MS, **common)
        left = StreamSub(stream, min_idle_time=claim_idle_ms, polling_interval=max(50, claim_idle_ms // 4), **common)
        options: dict[str, Any] = {"ack_policy": AckPolicy.MANUAL, "no_reply": True, "parser": _untouched}
        self._reader = connection.broker.subscriber(stream=new, **options)
        self._reader(self._on_batch)
        self._claimer = connection.broker.subscriber(stream=left, **options)
        self._claimer(self._on_claimed)

    async def _on_batch(self, message: RawMessage) -> None:
        raw = message.raw_message
        await self._deliver(list(zip(raw["message_ids"], raw["data"], strict=True)))

    async def _on_claimed(self, message: RawMessage) -> None:
        raw = message.raw_message
        entry = (raw["message_ids"][0], raw["data"])
        pending = await self._redis.xpending_range(self._stream, self._group, min=entry[0], max=entry[0], count=1)
        deliveries = int(pending[0]["times_delivered"]) if pending else 1
        if deliveries > self._max_deliveries:  # it ended the process each time: do not try it once more
            await bury(self._redis, self._stream, self._group, *entry)
            return
        await self._deliver([entry], deliveries)

    async def _deliver(self, entries: list[_Entry], deliveries: int = 1) -> None:
        """Applies entries and acknowledges those that worked; the others stay pending for the claimer."""
        parsed = {entry_id: parse_entry(entry_id, fields, self._group) for entry_id, fields in entries}
        events = {entry_id: delivery for entry_id, delivery in parsed.items() if self._is_authentic(delivery)}
        try:
            failed = await self._apply(list(events.values())) if events else set()
        except OSError as error:
            log.warning("events not applied", stream=self._stream, error=type(error).__name__, count=len(entries))
            await self._uncount(list(events), deliveries)
            return
        done = [entry_id for entry_id, delivery in events.items() if delivery.event_id not in failed]
        if done:
            await self._redis.xack(self._stream, self._group, *done)
        last = deliveries == self._max_deliveries
        for entry_id, fields in entries:
            if entry_id not in events or (last and events[entry_id].event_id in failed):
                await bury(self._redis, self._stream, self._group, entry_id, fields)

    def _is_authentic(self, delivery: Delivery) -> bool:
        """Return whether an entry is an event, and its producer's own. Any other goes to the dead letters."""
        return bool(delivery.event_id) and is_authentic(self._keys, delivery, self._stream, self._group)

    async def _uncount(self, entry_ids: list[bytes], deliveries: int) -> None:
        """Takes back the delivery that the database was not there for: an outage fills no dead letters."""
        await self._redis.xclaim(
            self._stream, self._group, self._consumer, 0, entry_ids, retrycount=deliveries - 1, justid=True
        )

    async def ensure_group(self) -> None:
        """Makes the stream and the group at its very beginning; harmless when they are there."""
        try:
            await self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def forget_dead_consumers(self) -> None:
        """Drops the names that ended processes left in the group: a day without a word, and nothing pending."""
        for found in await self._redis.xinfo_consumers(self._stream, self._group):
            if found["pending"] == 0 and found["idle"] > FORGET_CONSUMER_MS:
                await self._redis.xgroup_delconsumer(self._stream, self._group, found["name"])

    async def measure(self) -> None:
        """Sets the gauges of what waits in the stream, in this group, and in its dead letters."""
        labels = (self._stream, self._group)
        for found in await self._redis.xinfo_groups(self._stream):
            if found["name"] == self._group.encode():
                LAG.labels(*labels).set(found["lag"] or 0)  # None after entries within it were deleted
                PENDING.labels(*labels).set(found["pending"])
        DEAD.labels(*labels).set(await self._redis.xlen(dead_stream(*labels)))

    async def stop(self) -> None:
        """Reads no more, lets running handlers end, and is back when nothing of it runs any longer.

        FastStream cancels its reading tasks and goes on; one that was just connecting would have a connection after
        all others have been closed, and leave it to the collector.
        """
        reading = [*self._reader.tasks, *self._claimer.tasks]
        await asyncio.gather(self._reader.stop(), self._claimer.stop())
        if reading:
            await asyncio.wait(reading, timeout=SOCKET_SECONDS)

    async def revive(self) -> None:
        """Starts what stopped because its group had vanished with an emptied Redis."""
        await self.ensure_group()
        for subscriber in (self._reader, self._claimer):
            if not subscriber.running:
                log.warning("subscriber revived", stream=self._stream, group=self._group)
                await subscriber.start()


class Bus:
    """All readers of a process, and the watch that connects them and keeps them reading, however often Redis goes."""

    def __init__(self, connection: Connection, readers: Sequence[StreamReader]) -> None:
        self._connection = connection
        self._readers = readers
        self._watching: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Begins to connect and read; does not wait for a Redis that is away."""
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        started = False
        while not self._stopping.is_set():
            try:
                if not started:
                    for reader in self._readers:
                        await reader.ensure_group()
                        await reader.forget_dead_consumers()
                    await self._connection.broker.start()
                    started = True
                for reader in self._readers:
                    await reader.revive()
            except AWAY as error:
                log.warning("redis is away", error=type(error).__name__)
            except Exception:
                log.exception("the bus could not be started")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WATCH_SECONDS)

    async def measure(self) -> None:
        """Sets every reader's gauges and that of memory; while Redis is away they stay as they were."""
        try:
            await measure_memory(self._connection.redis)
            for reader in self._readers:
                await reader.measure()
        except AWAY as error:
            log.warning("streams not measured", error=type(error).__name__)

    async def stop_reading(self) -> None:
        """Takes no new events and lets running handlers end; the connections stay open."""
        self._stopping.set()
        if self._watching is not None:  # not cancelled: FastStream's start may swallow that and go on
            await self._watching
        await asyncio.gather(*(reader.stop() for reader in self._readers))

    async def stop(self) -> None:
        """Stops reading, lets running handlers end, closes."""
        await self.stop_reading()
        await self._connection.close()
