"""From outbox to effect on one Redis, Sentinels and a cluster: nothing lost, nothing twice (O1, O3, R1 in small)."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine
from support.redis_servers import Redises
from support.sample import GROUP, Pipeline, an_event, eventually
from whatsinvoice_kit.events.dead_letters import list_dead
from whatsinvoice_kit.events.outbox import serialised
from whatsinvoice_kit.events.redrive import redrive


@pytest.fixture(params=["standalone", "sentinel", "cluster"], scope="module")
def redises(request: pytest.FixtureRequest) -> Redises:
    found: Redises = request.getfixturevalue(f"{request.param}_redis")
    return found


@pytest.fixture
async def pipeline(engine: AsyncEngine, redises: Redises) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(engine, redises.address)
    yield pipeline
    await pipeline.close()


async def test_an_event_reaches_its_effect_once(pipeline: Pipeline) -> None:
    ids = await pipeline.publish(*(an_event() for _ in range(250)))
    await pipeline.consume()
    assert await pipeline.relay.publish_batch() == 250
    await eventually(lambda: pipeline.happened(ids))
    assert max((await pipeline.effects()).values()) == 1


async def test_an_event_of_a_rolled_back_transaction_never_leaves(pipeline: Pipeline) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012  (the block is the transaction)
        async with pipeline.unit_of_work.begin() as tx:
            tx.publish(serialised(an_event()))
            raise RuntimeError
    assert await pipeline.relay.publish_batch() == 0


async def test_a_crash_between_xadd_and_mark_loses_nothing_and_repeats_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await pipeline.publish(*(an_event() for _ in range(20)))
    crashing = pipeline.a_relay()

    async def crash(*_: object) -> None:
        raise ConnectionAbortedError

    monkeypatch.setattr(crashing, "_mark", crash)
    with pytest.raises(ConnectionAbortedError):
        await crashing.publish_batch()
    assert await pipeline.redis.xlen(pipeline.stream) == 20
    assert await pipeline.relay.publish_batch() == 20  # another relay publishes them again
    assert await pipeline.redis.xlen(pipeline.stream) == 40
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(ids))
    await eventually(lambda: nothing_pending(pipeline))
    assert sorted((await pipeline.effects()).values()) == [1] * 20


async def test_a_poison_message_fails_alone_and_is_dead_lettered_after_five_deliveries(pipeline: Pipeline) -> None:
    good = [an_event() for _ in range(3)]
    poison = an_event("poison")
    ids = await pipeline.publish(good[0], poison, *good[1:])
    ids.remove(poison.event_id)
    await pipeline.consume()
    await pipeline.relay.publish_batch()
    await eventually(lambda: pipeline.happened(ids))
    assert poison.event_id not in await pipeline.effects()
    await eventually(lambda: list_dead(pipeline.redis, pipeline.stream, GROUP))
    assert poison.event_id not in await pipeline.effects()
    assert await nothing_pending(pipeline)


async def test_a_redriven_dead_letter_is_applied_once_its_cause_is_gone(pipeline: Pipeline) -> None:
    good, poison = an_event(), an_event("poison")
    ids = await pipeline.publish(good, poison)
    await pipeline.consume()
    await pipeline.relay.publish_batch()
    await eventually(lambda: list_dead(pipeline.redis, pipeline.stream, GROUP))
    pipeline.poisonous = False
    written = await pipeline.redis.xlen(pipeline.stream)
    inbox = pipeline.an_inbox()
    assert await redrive(pipeline.redis, pipeline.stream, GROUP, inbox.apply, pipeline.keys) == (1, 0)
    assert await pipeline.redis.xlen(pipeline.stream) == written, "redrive wrote to the producer's stream"
    await eventually(lambda: pipeline.happened(ids))
    assert await list_dead(pipeline.redis, pipeline.stream, GROUP) == []
    assert sorted((await pipeline.effects()).values()) == [1, 1]


async def test_what_a_dead_consumer_left_is_taken_over(pipeline: Pipeline) -> None:
    ids = await pipeline.publish(*(an_event() for _ in range(10)))
    await pipeline.relay.publish_batch()
    await pipeline.redis.xgroup_create(pipeline.stream, GROUP, id="0")
    taken = await pipeline.redis.xreadgroup(GROUP, "died-here", {pipeline.stream: ">"}, count=100)
    assert len(taken[0][1]) == 10
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(ids))
    await eventually(lambda: nothing_pending(pipeline))
    assert sorted((await pipeline.effects()).values()) == [1] * 10


async def test_an_emptied_redis_loses_nothing(pipeline: Pipeline) -> None:
    await pipeline.relay.check_redis()
    await pipeline.consume()
    ids = await pipeline.publish(*(an_event() for _ in range(50)))
    await pipeline.relay.publish_batch()
    await eventually(lambda: pipeline.happened(ids))
    late = await pipeline.publish(*(an_event() for _ in range(50)))
    await pipeline.relay.publish_batch()
    await pipeline.redis.flushall()
    await pipeline.settle()
    await eventually(lambda: pipeline.happened(ids + late))
    assert sorted((await pipeline.effects()).values()) == [1] * 100


async def nothing_pending(pipeline: Pipeline) -> bool:
    groups = await pipeline.redis.xinfo_groups(pipeline.stream)
    return bool(groups) and groups[0]["pending"] == 0 and groups[0]["lag"] == 0


async def test_the_gauges_are_set(pipeline: Pipeline) -> None:
    bus = await pipeline.consume()
    ids = await pipeline.publish(an_event(), an_event())
    await pipeline.publish(an_event("poison"))
    await pipeline.relay.publish_batch()
    await eventually(lambda: pipeline.happened(ids))
    await eventually(lambda: list_dead(pipeline.redis, pipeline.stream, GROUP))
    await bus.stop_reading()
    await pipeline.publish(an_event())
    await pipeline.relay.publish_batch()
    await bus.measure()
    labels = {"stream": pipeline.stream, "group": GROUP}
    names = ("events_lag", "events_pending", "events_dead_letters")
    assert [REGISTRY.get_sample_value(name, labels) for name in names] == [1, 0, 1]
