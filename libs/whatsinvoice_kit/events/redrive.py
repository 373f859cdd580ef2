"""Trying dead letters again: they are read where they are, and no stream of a producer is written."""

from collections.abc import Awaitable, Callable, Sequence

from whatsinvoice_kit.events.authentic import EventKeys
from whatsinvoice_kit.events.bus import Delivery, is_authentic, parse_entry
from whatsinvoice_kit.events.connection import RedisClient
from whatsinvoice_kit.events.dead_letters import dead_stream, list_dead

Applier = Callable[[Sequence[Delivery]], Awaitable[set[str]]]


async def redrive(
    redis: RedisClient, stream: str, group: str, apply: Applier, keys: EventKeys, limit: int = 100
) -> tuple[int, int]:
    """Apply the oldest dead letters of a group. Return how many were applied, and how many stay.

    What was applied before is dropped by the inbox; an event that its producer did not make stays.
    """
    applied = stay = 0
    for letter in await list_dead(redis, stream, group, limit):
        delivery = parse_entry(letter.origin_id.encode(), letter.fields, group)
        if is_authentic(keys, delivery, stream, group) and not await apply([delivery]):
            await redis.xdel(dead_stream(stream, group), letter.entry_id)
            applied += 1
        else:
            stay += 1
    return applied, stay
