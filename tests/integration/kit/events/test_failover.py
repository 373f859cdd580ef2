"""A master is killed and a replica that was behind takes over: what only the dead one had is published again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine
from support.redis_server import Server
from support.redis_servers import Redises
from support.sample import Pipeline, an_event, eventually
from whatsinvoice_kit.events import relay as relay_module
from whatsinvoice_kit.events.away import AWAY

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["sentinel", "cluster"])
def redises(request: pytest.FixtureRequest) -> Iterator[Redises]:
    found: Redises = request.getfixturevalue(f"{request.param}_redis")
    yield found
    found.mend()


@pytest.fixture
async def pipeline(engine: AsyncEngine, redises: Redises) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(engine, redises.address)
    yield pipeline
    await pipeline.close()


def replica_of(redises: Redises, master: Server) -> Server:
    return next(
        server
        for server in redises.servers
        if server is not master and server.info("replication").get("master_port") == master.port
    )


@contextmanager
def cut_off(master: Server, replica: Server) -> Iterator[None]:
    """The replica stays where it is. Stopping its process would not do: what was sent waits in the kernel for it."""
    assert master.asked("WAIT", 1, 5000) == 1
    replica.asked("CONFIG", "SET", "masterauth", "no longer")
    master.asked("CLIENT", "KILL", "TYPE", "replica")
    yield
    replica.asked("CONFIG", "SET", "masterauth", replica.password)


async def test_the_fullest_server_that_takes_writes_is_told_of(pipeline: Pipeline, redises: Redises) -> None:
    bus = await pipeline.consume()
    await bus.measure()
    assert REGISTRY.get_sample_value("redis_memory_used_ratio") == 0, "no limit, and so never full"
    master = redises.master_of(pipeline.stream)
    used = int(master.info("memory")["used_memory"])
    master.asked("CONFIG", "SET", "maxmemory", used * 2)
    await bus.measure()
    master.asked("CONFIG", "SET", "maxmemory", 0)
    assert 0.4 < (REGISTRY.get_sample_value("redis_memory_used_ratio") or 0) < 0.7


async def test_what_the_new_master_never_had_is_published_again_and_nothing_happens_twice(
    pipeline: Pipeline, redises: Redises, figure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "MARGIN", timedelta(0))  # what is told apart is told exactly
    early = await pipeline.publish(*(an_event() for _ in range(30)))
    await pipeline.relay.publish_batch()
    master = redises.master_of(pipeline.stream)
    replica = replica_of(redises, master)
    with cut_off(master, replica):
        bus = await pipeline.consume()  # its group is made where only the dying one knows of it
        await eventually(lambda: pipeline.happened(early))
        await bus.stop_reading()
        lost = await pipeline.publish(*(an_event() for _ in range(40)))
        await pipeline.relay.publish_batch()
        master.kill()
        killed = time.monotonic()
        await pipeline.consume()
        assert await asyncio.to_thread(redises.await_takeover, pipeline.stream) is replica
    assert replica.asked("XLEN", pipeline.stream) == 30
    later = await pipeline.publish(*(an_event() for _ in range(30)))
    while True:  # the relay of a process that was busy: it publishes before it looks to whom
        try:
            await pipeline.relay.publish_batch()
            break
        except AWAY:
            await asyncio.sleep(0.1)
    published = time.monotonic() - killed
    await pipeline.settle()
    await eventually(lambda: pipeline.happened(early + lost + later), 30)
    assert redises.master_of(pipeline.stream) is replica
    effects = await pipeline.effects()
    assert sorted(effects.values()) == [1] * 100
    figure(
        f"kill -9 of the master, {redises.mode}: published again after {published:.1f} s, all effects after "
        f"{time.monotonic() - killed:.1f} s; 40 of 100 were on the dead one alone: 0 lost, 0 twice"
    )
