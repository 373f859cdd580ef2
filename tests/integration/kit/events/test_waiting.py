"""An event that arrives too early waits, costs no delivery and no failure, and is tried when the other arrives."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import insert, select, text, update
from support.sample import EFFECTS, TABLES, Pipeline, an_event, eventually, waiting
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.bus import Delivery
from whatsinvoice_kit.events.inbox import FAILED, Inbox, Subscription
from whatsinvoice_kit.events.waiting import WAITING, NotReady, WaitingEvents, arrived
from whatsinvoice_kit.queue.worker import QueueWorker

NEEDED = "business biz_1"


class Late:
    """A subscription whose handler needs a row that comes later."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.ready = False
        self.broken = False
        self.calls = 0
        subscription = Subscription(pipeline.stream, {PaymentFailed: self.handle})
        self.waiting: WaitingEvents = waiting(pipeline.unit_of_work, TABLES, subscription)
        self.inbox = Inbox(pipeline.unit_of_work, TABLES.inbox, subscription, self.waiting)
        self.wake = asyncio.Event()

    async def handle(self, tx: Transaction, event: PaymentFailed) -> None:
        self.calls += 1
        await tx.execute(insert(EFFECTS).values(event_id=event.event_id))
        if self.broken:
            raise KeyError("a bug")
        if not self.ready:
            raise NotReady(NEEDED)

    async def deliver(self, event: PaymentFailed) -> set[str]:
        return await self.inbox.apply([Delivery("1-0", event.event_id, "PaymentFailed", "", event.SerializeToString())])

    async def arrives(self) -> None:
        self.ready = True
        async with self.pipeline.unit_of_work.begin() as tx:
            await arrived(tx, "sample", NEEDED)
        self.wake.set()

    async def names(self) -> list[str]:
        async with self.pipeline.unit_of_work.begin() as tx:
            return list((await tx.execute(select(TABLES.waiting.c.waits_for))).scalars())


@pytest.fixture
async def late(pipeline: Pipeline) -> AsyncIterator[Late]:
    late = Late(pipeline)
    worker = QueueWorker(pipeline.unit_of_work, TABLES.work, late.waiting.queue(), late.wake)
    task = asyncio.create_task(worker.run())
    yield late
    worker.stop()
    await task


async def test_f24_an_event_that_came_too_early_waits_and_is_applied_when_the_other_arrives(late: Late) -> None:
    event = an_event()
    failures = FAILED.labels("PaymentFailed")._value.get()  # noqa: SLF001  prometheus has no public reader
    assert await late.deliver(event) == set(), "waiting is no failure, so the stream may acknowledge it"
    assert await late.names() == [NEEDED]
    assert await late.pipeline.effects() == {}
    await late.arrives()

    async def applied() -> bool:
        return bool(await late.pipeline.effects())

    await eventually(applied, 5)
    assert await late.pipeline.effects() == {event.event_id: 1}
    assert (late.calls, await late.names()) == (2, [])
    assert FAILED.labels("PaymentFailed")._value.get() == failures  # noqa: SLF001  as above


async def test_f24_a_copy_of_a_waiting_event_changes_nothing(late: Late) -> None:
    event = an_event()
    await late.deliver(event)
    await late.deliver(event)
    assert (late.calls, await late.names()) == (1, [NEEDED])


async def test_f24_without_a_word_it_is_tried_once_a_minute(late: Late) -> None:
    event = an_event()
    await late.deliver(event)
    late.ready = True
    async with late.pipeline.unit_of_work.begin() as tx:
        found = await tx.execute(text("SELECT extract(epoch FROM run_at - clock_timestamp()) FROM sample.work"))
        assert 50 < float(found.scalar_one()) <= 60
        await tx.execute(update(TABLES.work).values(run_at=text("clock_timestamp()")))
    late.wake.set()

    async def applied() -> bool:
        return bool(await late.pipeline.effects())

    await eventually(applied, 5)


async def test_f24_the_age_of_the_oldest_is_measured(late: Late) -> None:
    await late.deliver(an_event())
    await asyncio.sleep(0.1)
    await late.waiting.measure()
    assert 0.1 <= WAITING._value.get() < 10  # noqa: SLF001  as above
