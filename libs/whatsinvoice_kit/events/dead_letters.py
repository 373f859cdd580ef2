"""Dead letters: `{<stream>}.dead.<group>` keeps events that failed five times, to be looked at and tried again."""

from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from whatsinvoice_kit.events.connection import RedisClient, beside

log = structlog.get_logger(__name__)

BURIED = Counter("events_dead_lettered_total", "Events put into the dead letters", ["stream", "group"])
_ORIGIN = b"__origin__"


def dead_stream(stream: str, group: str) -> str:
    """The name of the dead letters of one group of one stream."""
    return beside(stream, f"dead.{group}")


async def bury(redis: RedisClient, stream: str, group: str, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
    """Moves an entry into the dead letters; one transaction, so that it is never in neither."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.xadd(dead_stream(stream, group), {**fields, _ORIGIN: entry_id})
        pipe.xack(stream, group, entry_id)
        await pipe.execute()
    BURIED.labels(stream, group).inc()
    log.error("event dead-lettered", stream=stream, group=group, entry_id=entry_id.decode())


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: its own id, the id it had in the stream, and its fields as they were."""

    entry_id: str
    origin_id: str
    fields: dict[bytes, bytes]


async def list_dead(redis: RedisClient, stream: str, group: str, limit: int = 100) -> list[DeadLetter]:
    """The oldest dead letters first."""
    entries = await redis.xrange(dead_stream(stream, group), count=limit)
    return [
        DeadLetter(
            entry_id.decode(), fields.get(_ORIGIN, b"").decode(), {k: v for k, v in fields.items() if k != _ORIGIN}
        )
        for entry_id, fields in entries
    ]
