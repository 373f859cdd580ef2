"""Events on bad days: poison of every form, a database that is away, trimmed streams, dead consumers, two relays."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from redis.exceptions import RedisError
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from support.sample import CLAIM_IDLE_MS, EFFECTS, GROUP, TABLES, Pipeline, an_event, eventually, waiting
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.config.redis_address import RedisAddress
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.events import bus as bus_module
from whatsinvoice_kit.events import connection as connection_module
from whatsinvoice_kit.events import relay as relay_module
from whatsinvoice_kit.events.bus import Delivery, StreamReader
from whatsinvoice_kit.events.dead_letters import DeadLetter, list_dead
from whatsinvoice_kit.events.inbox import Inbox, Subscription
from whatsinvoice_kit.events.outbox import serialised
from whatsinvoice_kit.observe.telemetry import continue_trace, current_traceparent
from whatsinvoice_local.backing import start_valkey

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def xadd(pipeline: Pipeline, payload: bytes, event_id: str, event_type: str = "PaymentFailed") -> None:
    """Anything at all, as a producer's relay would write it."""
    headers = {"event_type": event_type, "event_id": event_id, "traceparent": ""}
    headers |= pipeline.keys.headers(pipeline.stream, event_type, event_id, payload)
    await pipeline.broker.publish(payload, stream=pipeline.stream, headers=headers)


async def all_acknowledged(pipeline: Pipeline) -> bool:
    groups = await pipeline.redis.xinfo_groups(pipeline.stream)
    return bool(groups) and groups[0]["pending"] == 0 and groups[0]["lag"] == 0


async def dead(pipeline: Pipeline) -> list[DeadLetter]:
    return await list_dead(pipeline.redis, pipeline.stream, GROUP)


def delivery(event: PaymentFailed, traceparent: str = "", entry_id: str = "1-0") -> Delivery:
    return Delivery(entry_id, event.event_id, "PaymentFailed", traceparent, event.SerializeToString())


def an_inbox(pipeline: Pipeline, handler: Any = None) -> Inbox:
    subscription = Subscription(pipeline.stream, {PaymentFailed: handler or pipeline.note})
    return Inbox(
        pipeline.unit_of_work, TABLES.inbox, subscription, waiting(pipeline.unit_of_work, TABLES, subscription)
    )


async def test_an_unknown_event_type_is_passed_over_and_acknowledged(pipeline: Pipeline) -> None:
    await pipeline.broker.connect()
    await xadd(pipeline, b"\xff\xff", "evt_x", "SomethingOfNextYear")
    ids = await pipeline.publish(an_event())
    await pipeline.relay.publish_batch()
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(ids))
    await eventually(lambda: all_acknowledged(pipeline))
    assert await dead(pipeline) == []


async def test_a_payload_that_does_not_parse_is_dead_lettered_and_holds_nobody_up(pipeline: Pipeline) -> None:
    await pipeline.broker.connect()
    await xadd(pipeline, b"\xff\xff\xff", "evt_broken")
    ids = await pipeline.publish(an_event())
    await pipeline.relay.publish_batch()
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(ids), 2)
    await eventually(lambda: dead(pipeline))
    assert await all_acknowledged(pipeline)


@pytest.mark.parametrize(
    "fields",
    [
        {"something": "else"},
        {"__data__": b""},
        {"__data__": b"no envelope"},
        {"__data__": b'{"data": "x", "headers": ["a"]}'},
        {"__data__": b'{"data": "x", "headers": {"event_type": "PaymentFailed"}}'},
        {"__data__": b"[" * 5000},
    ],
)
async def test_an_entry_that_is_no_event_is_dead_lettered_at_once(pipeline: Pipeline, fields: dict[Any, Any]) -> None:
    ids = await pipeline.publish(an_event(), an_event())
    await pipeline.relay.publish_batch()
    await pipeline.redis.xadd(pipeline.stream, fields)
    await pipeline.redis.xadd(pipeline.stream, fields)
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(ids), 2)
    await eventually(lambda: all_acknowledged(pipeline), 2)
    assert [letter.fields for letter in await dead(pipeline)] == [
        {key.encode(): value if isinstance(value, bytes) else value.encode() for key, value in fields.items()}
    ] * 2


async def test_a_database_that_is_away_burns_no_deliveries(
    pipeline: Pipeline, engine: AsyncEngine, postgres_url: str
) -> None:
    name = str(engine.url.database)
    ids = await pipeline.publish(*(an_event() for _ in range(3)))
    await pipeline.relay.publish_batch()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            await pipeline.consume()
            await asyncio.sleep(10 * CLAIM_IDLE_MS / 1000)
            assert await dead(pipeline) == []
            pending = await pipeline.redis.xpending_range(pipeline.stream, GROUP, min="-", max="+", count=10)
            assert [entry["times_delivered"] <= 1 for entry in pending] == [True] * 3
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
    await eventually(lambda: pipeline.happened(ids))
    await eventually(lambda: all_acknowledged(pipeline))
    assert await dead(pipeline) == []


async def test_a_connection_killed_in_the_middle_is_nobodys_fault(pipeline: Pipeline, postgres_url: str) -> None:
    killed: list[int] = []

    async def handler(tx: Transaction, event: PaymentFailed) -> None:
        await pipeline.note(tx, event)
        if not killed:
            killed.append((await tx.execute(select(func.pg_backend_pid()))).scalar_one())
            with psycopg.connect(postgres_url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", killed)
        await tx.execute(text("SELECT 1"))

    inbox = an_inbox(pipeline, handler)
    events = [an_event(), an_event()]
    with pytest.raises(ConnectionError):
        await inbox.apply([delivery(event) for event in events])
    assert await pipeline.effects() == {}
    assert await inbox.apply([delivery(event) for event in events]) == set()
    assert set(await pipeline.effects()) == {event.event_id for event in events}


async def test_a_handler_that_runs_into_a_timeout_fails_alone(
    pipeline: Pipeline, sample_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_kit.data.db.STATEMENT_TIMEOUT_S", 1)
    hasty = make_engine(sample_url, pool_size=2, application="hasty")

    async def handler(tx: Transaction, event: PaymentFailed) -> None:
        if event.reason == "slow":
            await tx.execute(text("SELECT pg_sleep(5)"))
        await pipeline.note(tx, event)

    unit_of_work, subscription = (
        UnitOfWork(hasty, TABLES.outbox),
        Subscription(pipeline.stream, {PaymentFailed: handler}),
    )
    inbox = Inbox(unit_of_work, TABLES.inbox, subscription, waiting(unit_of_work, TABLES, subscription))
    slow, good = an_event("slow"), an_event()
    assert await inbox.apply([delivery(slow), delivery(good)]) == {slow.event_id}
    assert await pipeline.happened([good.event_id])
    await hasty.dispose()


async def test_one_event_twice_in_a_batch_happens_once(pipeline: Pipeline) -> None:
    event, other = an_event(), an_event()
    batch = [delivery(event, entry_id="1-0"), delivery(other, entry_id="2-0"), delivery(event, entry_id="3-0")]
    assert await an_inbox(pipeline).apply(batch) == set()
    assert await an_inbox(pipeline).apply(batch) == set()
    assert sorted((await pipeline.effects()).values()) == [1, 1]


async def test_a_poisonous_event_twice_in_a_batch_is_tried_once_and_takes_its_note_back(pipeline: Pipeline) -> None:
    event = an_event("poison")
    assert await an_inbox(pipeline).apply([delivery(event), delivery(event)]) == {event.event_id}
    pipeline.poisonous = False
    assert await an_inbox(pipeline).apply([delivery(event)]) == set()
    assert list((await pipeline.effects()).values()) == [1]


async def test_only_effects_are_counted_as_applied(pipeline: Pipeline) -> None:
    def applied() -> float:
        return REGISTRY.get_sample_value("events_applied_total", {"event_type": "PaymentFailed"}) or 0

    event, before = an_event(), applied()
    for _ in range(3):
        await an_inbox(pipeline).apply([delivery(event), delivery(event)])
    assert applied() == before + 1


async def test_what_a_failing_handler_published_never_leaves(pipeline: Pipeline) -> None:
    good, bad = an_event(), an_event("poison")

    async def handler(tx: Transaction, event: PaymentFailed) -> None:
        tx.publish(serialised(an_event(f"after {event.reason}")))
        await pipeline.note(tx, event)

    await an_inbox(pipeline, handler).apply([delivery(bad), delivery(good)])
    async with pipeline.unit_of_work.begin() as tx:
        payloads = (await tx.execute(select(TABLES.outbox.c.payload))).scalars().all()
    assert [PaymentFailed.FromString(payload).reason for payload in payloads] == ["after declined"]


async def test_each_event_goes_on_in_its_own_trace(pipeline: Pipeline) -> None:
    traces = [TRACE, TRACE.replace("0af7", "1af7")]

    async def handler(tx: Transaction, event: PaymentFailed) -> None:
        await pipeline.note(tx, event)
        tx.publish(serialised(an_event()))

    await an_inbox(pipeline, handler).apply([delivery(an_event(), trace) for trace in traces])
    async with pipeline.unit_of_work.begin() as tx:
        found = await tx.execute(select(TABLES.outbox.c.traceparent).order_by(TABLES.outbox.c.sequence))
        assert found.scalars().all() == traces


async def test_the_trace_goes_from_transaction_to_handler(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    note = pipeline.note

    async def handler(tx: Transaction, event: PaymentFailed) -> None:
        heard.append(current_traceparent())
        await note(tx, event)

    monkeypatch.setattr(pipeline, "note", handler)
    continue_trace(TRACE)
    ids = await pipeline.publish(an_event())
    continue_trace("")
    await pipeline.relay.publish_batch()
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(ids))
    assert heard == [TRACE]


async def test_two_relays_publish_everything_once(pipeline: Pipeline) -> None:
    relays = [pipeline.a_relay() for _ in range(3)]
    await asyncio.gather(*(relay.check_redis() for relay in relays))
    for _ in range(4):
        await pipeline.publish(*(an_event() for _ in range(300)))
    await pipeline.broker.connect()

    async def drain(relay: Any) -> None:
        for _ in range(40):
            await relay.publish_batch()
            assert await relay.check_redis() == 0

    await asyncio.gather(*(drain(relay) for relay in relays))
    assert await pipeline.redis.xlen(pipeline.stream) == 1200


async def test_relays_that_meet_an_emptied_redis_at_once_agree_on_its_name(pipeline: Pipeline) -> None:
    await pipeline.relay.check_redis()
    await pipeline.publish(*(an_event() for _ in range(5)))
    await pipeline.relay.publish_batch()
    await pipeline.redis.flushall()
    counts = await asyncio.gather(*(pipeline.a_relay().check_redis() for _ in range(4)))
    assert sorted(counts) == [0, 0, 0, 5]
    assert await pipeline.relay.check_redis() == 0


async def test_a_whole_window_is_marked_however_long_it_takes(
    pipeline: Pipeline, sample_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_kit.data.db.STATEMENT_TIMEOUT_S", 1)
    hasty = make_engine(sample_url, pool_size=2, application="hasty")
    relay = relay_module.Relay(
        pipeline.redis,
        UnitOfWork(hasty, TABLES.outbox),
        TABLES.outbox,
        TABLES.relay_state,
        pipeline.stream,
        pipeline.keys,
    )
    await relay.check_redis()
    await pipeline.publish(an_event())
    await relay.publish_batch()
    async with pipeline.unit_of_work.begin() as tx:
        await tx.execute(
            text(
                "CREATE FUNCTION sample.slow() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_sleep(1.3); RETURN NEW; END $$"
            )
        )
        await tx.execute(text("CREATE TRIGGER slow BEFORE UPDATE ON sample.outbox EXECUTE FUNCTION sample.slow()"))
    await pipeline.redis.flushall()
    assert await relay.check_redis() == 1
    await hasty.dispose()


async def test_tidying_forgets_what_is_old_and_nothing_else(pipeline: Pipeline) -> None:
    await pipeline.publish(*(an_event() for _ in range(4)))
    await pipeline.relay.publish_batch()
    await pipeline.publish(an_event())  # never published: kept however old
    aged = "UPDATE sample.{} SET {} = {} - interval '{} days' WHERE {}"
    async with pipeline.unit_of_work.begin() as tx:
        for days, sequence in ((15, 1), (13, 2)):
            await tx.execute(
                text(aged.format("outbox", "published_at", "published_at", days, f"sequence = {sequence}"))
            )
        await tx.execute(text(aged.format("outbox", "created_at", "created_at", 90, "published_at IS NULL")))
        rows = [{"event_id": name, "event_type": "X"} for name in ("old", "known", "new")]
        await tx.execute(insert(TABLES.inbox), rows)
        for days, name in ((31, "old"), (29, "known")):
            await tx.execute(text(aged.format("inbox", "received_at", "received_at", days, f"event_id = '{name}'")))
    await pipeline.relay.tidy(TABLES.inbox)
    async with pipeline.unit_of_work.begin() as tx:
        kept = (await tx.execute(select(TABLES.outbox.c.sequence).order_by(TABLES.outbox.c.sequence))).scalars().all()
        assert kept == [2, 3, 4, 5]
        assert set((await tx.execute(select(TABLES.inbox.c.event_id))).scalars()) == {"known", "new"}
    assert await pipeline.redis.xlen(pipeline.stream) == 4


async def old_entries(pipeline: Pipeline, days: float) -> None:
    """Enough entries of so many days ago to fill whole nodes of the stream, and one of today."""
    seconds, micros = await pipeline.redis.time()
    then = int((seconds + micros / 1e6 - days * 86_400) * 1000)
    async with pipeline.redis.pipeline(transaction=False) as pipe:
        for number in range(400):
            pipe.xadd(pipeline.stream, {"n": number}, id=f"{then}-{number + 1}")
        pipe.xadd(pipeline.stream, {"n": "today"})
        await pipe.execute()


async def test_old_entries_leave_the_stream_once_every_group_has_them(pipeline: Pipeline) -> None:
    await old_entries(pipeline, days=4)
    await pipeline.redis.xgroup_create(pipeline.stream, GROUP, id="0")
    await pipeline.relay.tidy(TABLES.inbox)
    assert await pipeline.redis.xlen(pipeline.stream) == 401  # the group was away, and will want them
    read = await pipeline.redis.xreadgroup(GROUP, "me", {pipeline.stream: ">"}, count=1000)
    entry_ids = [entry_id for entry_id, _ in read[0][1]]
    await pipeline.redis.xack(pipeline.stream, GROUP, *entry_ids[1:])
    await pipeline.relay.tidy(TABLES.inbox)
    assert await pipeline.redis.xlen(pipeline.stream) == 401  # one is still pending
    await pipeline.redis.xack(pipeline.stream, GROUP, entry_ids[0])
    await pipeline.relay.tidy(TABLES.inbox)
    assert await pipeline.redis.xlen(pipeline.stream) < 120  # whole nodes go, the last stays


async def test_no_group_keeps_entries_longer_than_the_outbox_keeps_events(pipeline: Pipeline) -> None:
    await old_entries(pipeline, days=15)
    await pipeline.redis.xgroup_create(pipeline.stream, GROUP, id="0")
    await pipeline.relay.tidy(TABLES.inbox)
    assert await pipeline.redis.xlen(pipeline.stream) < 120


async def test_pending_entries_that_were_trimmed_do_not_stop_the_claimer(pipeline: Pipeline) -> None:
    gone = await pipeline.publish(*(an_event() for _ in range(3)))
    await pipeline.relay.publish_batch()
    await pipeline.redis.xgroup_create(pipeline.stream, GROUP, id="0")
    await pipeline.redis.xreadgroup(GROUP, "died-here", {pipeline.stream: ">"}, count=10)
    await pipeline.redis.xtrim(pipeline.stream, maxlen=0, approximate=False)
    left = await pipeline.publish(an_event())
    await pipeline.relay.publish_batch()
    await pipeline.redis.xreadgroup(GROUP, "died-here", {pipeline.stream: ">"}, count=10)
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(left))
    await eventually(lambda: all_acknowledged(pipeline))
    assert not await pipeline.happened(gone)


async def test_the_names_of_dead_consumers_are_dropped_and_those_with_work_are_not(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "FORGET_CONSUMER_MS", 50)
    await pipeline.publish(an_event("poison"))
    await pipeline.relay.publish_batch()
    await pipeline.redis.xgroup_create(pipeline.stream, GROUP, id="0")
    await pipeline.redis.xreadgroup(GROUP, "busy", {pipeline.stream: ">"}, count=10)
    for number in range(20):
        await pipeline.redis.xgroup_createconsumer(pipeline.stream, GROUP, f"dead-{number}")
    await asyncio.sleep(0.1)
    monkeypatch.setattr("support.sample.CLAIM_IDLE_MS", 60_000)
    await pipeline.consume()

    async def names() -> set[bytes]:
        return {consumer["name"] for consumer in await pipeline.redis.xinfo_consumers(pipeline.stream, GROUP)}

    async def two_are_left() -> bool:
        return len(await names()) == 2

    await eventually(two_are_left)
    assert b"busy" in await names()


async def test_a_redis_that_hangs_holds_the_relay_for_seconds_only(
    engine: AsyncEngine, own_redis: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "SOCKET_SECONDS", 1)
    pipeline = Pipeline(engine, RedisAddress.parse(start_valkey(own_redis).url))
    await pipeline.relay.check_redis()
    ids = await pipeline.publish(an_event())
    pid = start_valkey(own_redis).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises((RedisError, OSError)):
            await asyncio.wait_for(pipeline.relay.publish_batch(), 4)
    finally:
        os.kill(pid, signal.SIGCONT)
    await pipeline.consume()

    async def published() -> bool:
        return await pipeline.relay.publish_batch() == 0

    await eventually(published)
    await eventually(lambda: pipeline.happened(ids))
    await pipeline.close()


async def test_the_gauges_tell_what_waits_and_for_how_long(pipeline: Pipeline) -> None:
    def gauge(name: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"stream": pipeline.stream})

    await pipeline.publish(an_event(), an_event())
    async with pipeline.unit_of_work.begin() as tx:
        await tx.execute(
            text("UPDATE sample.outbox SET created_at = created_at - interval '1 minute' WHERE sequence = 1")
        )
    await pipeline.relay.measure()
    assert gauge("outbox_waiting") == 2
    assert 60 <= (gauge("outbox_age_seconds") or 0) < 70
    await pipeline.relay.publish_batch()
    await pipeline.relay.measure()
    assert (gauge("outbox_waiting"), gauge("outbox_age_seconds")) == (0, 0)
    assert gauge("outbox_published_total") == 2


async def test_the_gauges_tell_what_a_group_has_not_read_not_finished_and_given_up(pipeline: Pipeline) -> None:
    def gauges() -> tuple[float | None, ...]:
        labels = {"stream": pipeline.stream, "group": GROUP}
        names = ("events_lag", "events_pending", "events_dead_letters")
        return tuple(REGISTRY.get_sample_value(name, labels) for name in names)

    bus = await pipeline.consume()
    await pipeline.publish(an_event(reason="poison"), an_event())
    await pipeline.relay.publish_batch()
    await eventually(lambda: _has_dead(pipeline))
    await bus.stop_reading()
    await pipeline.publish(an_event(), an_event(), an_event())
    await pipeline.relay.publish_batch()
    await bus.measure()
    assert gauges() == (3, 0, 1)
    await pipeline.redis.xreadgroup(GROUP, "somebody", {pipeline.stream: ">"}, count=2)
    await bus.measure()
    assert gauges() == (1, 2, 1)


async def _has_dead(pipeline: Pipeline) -> bool:
    return len(await dead(pipeline)) == 1


async def test_a_stop_lets_the_running_batch_end(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    running = asyncio.Event()

    async def slow(tx: Transaction, event: PaymentFailed) -> None:
        running.set()
        await asyncio.sleep(0.4)
        await tx.execute(insert(EFFECTS).values(event_id=event.event_id))

    monkeypatch.setattr(pipeline, "note", slow)
    ids = await pipeline.publish(an_event())
    await pipeline.relay.publish_batch()
    bus = await pipeline.consume()
    await asyncio.wait_for(running.wait(), 5)
    await bus.stop_reading()
    assert await pipeline.happened(ids)
    assert await all_acknowledged(pipeline)


async def test_a_read_that_swallows_its_end_is_waited_for(pipeline: Pipeline) -> None:
    """As one does that connects just then; it would have a connection after all others have been closed."""
    ended: list[str] = []

    async def connecting() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)
            ended.append("connected")

    reader = StreamReader(
        pipeline.connection,
        pipeline.stream,
        GROUP,
        an_inbox(pipeline).apply,
        pipeline.keys,
        claim_idle_ms=CLAIM_IDLE_MS,
        max_deliveries=5,
    )
    reader._reader.add_task(connecting)  # noqa: SLF001  (as its own reads are)
    await asyncio.sleep(0)
    await reader.stop()
    assert ended == ["connected"]
