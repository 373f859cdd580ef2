"""A Redis that restarts, comes back emptied, or is away: what waited is published, what may be lost again (O2, O3)."""

import asyncio
import contextlib
from pathlib import Path

from redis.exceptions import RedisError
from support.sample import Pipeline, an_event, eventually
from whatsinvoice_local.backing import start_valkey, stop_valkey


async def test_a_restart_and_a_flush_in_mid_run_lose_nothing(pipeline: Pipeline, own_redis: Path) -> None:
    await pipeline.relay.check_redis()
    await pipeline.consume()
    ids: list[str] = []
    for round_ in range(6):
        ids += await pipeline.publish(*(an_event() for _ in range(40)))
        await pipeline.relay.publish_batch()
        if round_ == 2:
            await pipeline.redis.flushall()
        if round_ == 4:
            port = start_valkey(own_redis).port
            stop_valkey(own_redis)
            start_valkey(own_redis, port=port)
        await pipeline.settle()
    await eventually(lambda: pipeline.happened(ids), 60)
    assert sorted((await pipeline.effects()).values()) == [1] * 240


async def test_after_a_restart_that_kept_its_data_only_the_last_minute_is_published_again(
    pipeline: Pipeline, own_redis: Path
) -> None:
    await pipeline.relay.check_redis()
    old = await pipeline.publish(an_event())
    await pipeline.relay.publish_batch()
    async with pipeline.unit_of_work.begin() as tx:
        await tx.connection.exec_driver_sql("UPDATE sample.outbox SET published_at = published_at - interval '1 hour'")
    recent = await pipeline.publish(an_event())
    await pipeline.relay.publish_batch()
    port = start_valkey(own_redis).port
    stop_valkey(own_redis)
    start_valkey(own_redis, port=port)
    with contextlib.suppress(RedisError):  # the connection that the restart closed
        await pipeline.redis.ping()
    assert await pipeline.relay.check_redis() == len(recent)
    assert len(old) == 1
    assert await pipeline.relay.check_redis() == 0


async def test_work_goes_on_while_redis_is_away_and_the_backlog_drains(pipeline: Pipeline, own_redis: Path) -> None:
    await pipeline.relay.check_redis()
    port = start_valkey(own_redis).port
    stop_valkey(own_redis)
    ids = await pipeline.publish(*(an_event() for _ in range(100)))
    await pipeline.consume()  # a consumer that starts without Redis waits for it
    await asyncio.sleep(1)
    start_valkey(own_redis, port=port)
    await pipeline.settle()
    await eventually(lambda: pipeline.happened(ids), 60)
    assert sorted((await pipeline.effects()).values()) == [1] * 100
