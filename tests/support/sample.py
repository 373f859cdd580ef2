"""A small service for the kit's own tests: its tables, its event, and the way from outbox to effect."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable

from sqlalchemy import Column, Identity, Integer, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.config.redis_address import RedisAddress
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.db import service_metadata
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.events.away import AWAY
from whatsinvoice_kit.events.bus import Bus, StreamReader
from whatsinvoice_kit.events.connection import connect_to
from whatsinvoice_kit.events.inbox import Inbox, Subscription
from whatsinvoice_kit.events.outbox import serialised
from whatsinvoice_kit.events.relay import Relay
from whatsinvoice_kit.events.tables import KitTables
from whatsinvoice_kit.events.waiting import WaitingEvents

from support.event_keys import keys_for

METADATA = service_metadata("sample")
TABLES = KitTables.of(METADATA)
EFFECTS = Table(
    "effects", METADATA, Column("id", Integer, Identity(), primary_key=True), Column("event_id", Text, nullable=False)
)
GROUP = "sample"
CLAIM_IDLE_MS = 150


def an_event(reason: str = "declined") -> PaymentFailed:
    """An event with a fresh id."""
    return PaymentFailed(event_id=new_id("evt"), business_id="biz_1", aggregate_id="pay_1", reason=reason)


async def eventually(truth: Callable[[], Awaitable[object]], seconds: float = 40.0) -> None:
    """Waits until a coroutine function gives something true; fails after so many seconds."""
    async with asyncio.timeout(seconds):
        while not await truth():  # noqa: ASYNC110  (what it waits for happens in Redis and Postgres)
            await asyncio.sleep(0.02)


def waiting(unit_of_work: UnitOfWork, tables: KitTables, *subscriptions: Subscription) -> WaitingEvents:
    """Return the waiting events of a service with these tables."""
    return WaitingEvents(unit_of_work, tables.waiting, tables.work, subscriptions)


class Pipeline:
    """Outbox -> relay -> stream -> inbox -> effect, in one process, on a real database and a real Redis."""

    def __init__(self, engine: AsyncEngine, address: RedisAddress) -> None:
        self.unit_of_work = UnitOfWork(engine, TABLES.outbox)
        self.stream = f"sample.{secrets.token_hex(4)}.v1"
        self.address = address
        self.keys = keys_for(self.stream, GROUP)
        self.poisonous = True
        self.connection = connect_to(address)
        self.broker, self.redis = self.connection.broker, self.connection.redis
        self.relay = self.a_relay()
        self.buses: list[Bus] = []

    def a_relay(self) -> Relay:
        return Relay(self.redis, self.unit_of_work, TABLES.outbox, TABLES.relay_state, self.stream, self.keys)

    async def note(self, tx: Transaction, event: PaymentFailed) -> None:
        """The effect: one row an event; a poisonous one raises after its row."""
        await tx.execute(insert(EFFECTS).values(event_id=event.event_id))
        if event.reason == "poison" and self.poisonous:
            raise ValueError("poison")

    async def publish(self, *events: PaymentFailed) -> list[str]:
        """Commits events into the outbox and gives their ids."""
        async with self.unit_of_work.begin() as tx:
            for event in events:
                tx.publish(serialised(event))
        return [event.event_id for event in events]

    def an_inbox(self) -> Inbox:
        """Return the inbox whose handler is `note`."""
        subscription = Subscription(self.stream, {PaymentFailed: self.note})
        return Inbox(self.unit_of_work, TABLES.inbox, subscription, waiting(self.unit_of_work, TABLES, subscription))

    async def consume(self) -> Bus:
        """Start one more consumer of the group."""
        connection = connect_to(self.address)
        inbox = self.an_inbox()
        reader = StreamReader(
            connection, self.stream, GROUP, inbox.apply, self.keys, claim_idle_ms=CLAIM_IDLE_MS, max_deliveries=5
        )
        bus = Bus(connection, [reader])
        await bus.start()
        self.buses.append(bus)
        return bus

    async def settle(self, seconds: float = 30) -> None:
        """What the relay's jobs do each second, until all is published."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    await self.relay.check_redis()
                    if not await self.relay.publish_batch():
                        return
                except AWAY:
                    await asyncio.sleep(0.1)

    async def effects(self) -> Counter[str]:
        """Event id -> how often its effect is there."""
        async with self.unit_of_work.begin() as tx:
            return Counter((await tx.execute(select(EFFECTS.c.event_id))).scalars())

    async def happened(self, ids: list[str]) -> bool:
        return set(ids) <= set(await self.effects())

    async def close(self) -> None:
        for bus in self.buses:
            await bus.stop()
        await self.connection.close()
