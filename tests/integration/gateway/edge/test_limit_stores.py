"""Limits and quotas are counted in Redis however it is run, in memory while it is away, and in Redis again after it."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from limits import parse
from limits.errors import StorageError
from pydantic import SecretStr
from redis.exceptions import RedisError
from support.redis_servers import Redises
from whatsinvoice_gateway.edge import limits
from whatsinvoice_gateway.edge import quotas as module
from whatsinvoice_gateway.edge.limits import make_limiter
from whatsinvoice_gateway.edge.quotas import Quotas
from whatsinvoice_gateway.settings import Settings

NOBODY = "127.0.0.1:1"
SERVICES: dict[str, Any] = dict.fromkeys(("auth_grpc", "invoices_grpc", "payments_grpc", "notifications_grpc"), NOBODY)
AWAY = ("redis://:x@{0}/0", "redis+sentinel://:x@{0},{0}/0?service=events", "redis+cluster://:x@{0},{0}")


def settings_of(redises: Redises, **changes: Any) -> Settings:
    own = {name.lower(): value for name, value in redises.settings().items()}
    return Settings(**{**SERVICES, **own, **changes})


@pytest.fixture(params=["standalone", "sentinel", "cluster"])
def redises(request: pytest.FixtureRequest) -> Iterator[Redises]:
    found: Redises = request.getfixturevalue(f"{request.param}_redis")
    yield found
    found.mend()


async def test_two_processes_share_a_quota(redises: Redises, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REDIS_SECONDS", 5.0)  # a busy machine is not a Redis that is away
    made = [Quotas(settings_of(redises, read_quota="10/hour")) for _ in range(2)]
    allowed = [(await quotas.count(f"biz_{redises.mode}", "GET")).allowed for quotas in made * 8]
    for quotas in made:
        await quotas.close()
    assert sum(allowed) == 10


async def test_limits_are_counted_in_redis(redises: Redises) -> None:
    limiters = [make_limiter(settings_of(redises, limit_store_seconds=5)) for _ in range(2)]
    item = parse("5/hour")
    taken = [limiter.limiter.hit(item, "login", redises.mode) for limiter in limiters * 4]
    assert sum(taken) == 5
    assert all(limiter.limiter.storage.check() for limiter in limiters)
    for limiter in limiters:
        limits.close(limiter)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("in_memory", [False, True], ids=["at Redis", "in memory since Redis was slow"])
async def test_a_limiter_that_is_closed_leaves_no_connection_to_the_collector(
    redises: Redises, *, in_memory: bool
) -> None:
    gc.collect()
    before = _open_files()
    limiter = make_limiter(settings_of(redises, limit_store_seconds=5))
    limiter.limiter.hit(parse("5/hour"), "closed", redises.mode)
    limiter._storage_dead = in_memory  # noqa: SLF001  (what slowapi notes when Redis does not answer)
    assert _open_files() > before
    limits.close(limiter)
    assert _open_files() == before


@pytest.mark.parametrize("url", AWAY)
async def test_a_gateway_starts_and_counts_while_redis_is_away(url: str) -> None:
    settings = Settings(**SERVICES, redis_url=SecretStr(url.format(NOBODY)), read_quota="3/hour")
    limiter, quotas = make_limiter(settings), Quotas(settings)
    started = time.monotonic()
    assert [(await quotas.count("biz_away", "GET")).allowed for _ in range(4)] == [True, True, True, False]
    with pytest.raises((StorageError, RedisError)):
        limiter.limiter.hit(parse("5/hour"), "login", "away")
    limits.close(limiter)
    assert time.monotonic() - started < 2
    await quotas.close()


@pytest.mark.faults
async def test_after_a_failover_limits_and_quotas_are_shared_again(
    sentinel_redis: Redises, cluster_redis: Redises, monkeypatch: pytest.MonkeyPatch, figure: Callable[[str], None]
) -> None:
    monkeypatch.setattr(module, "AWAY_SECONDS", 0.2)
    for redises in (sentinel_redis, cluster_redis):
        settings = settings_of(redises, read_quota="100/hour", limit_store_seconds=1)
        limiters, quotas = [make_limiter(settings) for _ in range(2)], Quotas(settings)
        item, key = parse("5/hour"), f"failover-{time.time_ns()}"
        await quotas.count(key, "GET")
        limiters[0].limiter.hit(item, key)
        master = redises.master_of(f"LIMITS:LIMITER/{key}/5/1/hour")
        assert master.process is not None
        started = time.monotonic()
        master.kill()
        while not await _shared(limiters, quotas, item, key):
            assert time.monotonic() - started < 30
            await asyncio.sleep(0.1)
        figure(f"{redises.mode}: counted in Redis again {time.monotonic() - started:.1f} s after the kill")
        await quotas.close()
        for limiter in limiters:
            limits.close(limiter)
        redises.mend()


async def _shared(limiters: list[Any], quotas: Quotas, item: Any, key: str) -> bool:
    await quotas.count(f"{key}{time.time_ns()}", "GET")
    try:
        for limiter in limiters:
            limiter.limiter.hit(item, key)
    except (StorageError, RedisError):
        return False
    away_until: float = quotas._away_until  # noqa: SLF001  (where it counts is to be seen nowhere else)
    return limiters[0].limiter.get_window_stats(item, key)[1] < 5 and away_until < time.monotonic()
