"""How full Redis is. It refuses writes when it is, and drops nothing: the outbox waits from then on."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import Gauge
from redis.asyncio import RedisCluster

from whatsinvoice_kit.events.connection import RedisClient

USED = Gauge("redis_memory_used_ratio", "Of maxmemory, on the fullest server that takes writes; 0: no limit")


async def measure_memory(redis: RedisClient) -> None:
    """Sets the gauge; raises what the client raises."""
    if isinstance(redis, RedisCluster):  # each has slots of its own, and one that is full refuses those
        found = await redis.info("memory", target_nodes=RedisCluster.PRIMARIES)
        USED.set(max(_used(node) for node in found.values()))
    else:
        USED.set(_used(await redis.info("memory")))


def _used(memory: Mapping[str, Any]) -> float:
    limit = int(memory.get("maxmemory", 0))
    return float(memory["used_memory"]) / limit if limit else 0.0
