"""What everybody who acts for one business may ask for in a minute: counted in Redis, in memory while that is away.

A process takes hundredths of the limit from the shared counter and hands them out by itself, so that one request in
thirty waits for Redis. The limit is never passed; near it, what another process holds and does not use is lost until
the next minute. A limit below 200 is counted one by one.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.errors import StorageError
from limits.storage import storage_from_string
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.events.away import AWAY
from whatsinvoice_kit.events.limit_stores import async_store

from whatsinvoice_gateway.settings import Settings

log = structlog.get_logger(__name__)

REDIS_SECONDS = 0.5
"""Nobody else waits meanwhile; shorter, and a busy moment of this process would look like a Redis that is away."""
AWAY_SECONDS = 5.0
"""How long Redis is left alone after it failed."""
KEPT = 10_000
READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class _Share:
    """What this process holds of one business's limit in one window."""

    window: int
    left: int = 0
    counted: int = 0
    """The shared counter when it was last asked."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a request was counted against; seconds until there is the whole limit again."""

    allowed: bool
    limit: int
    remaining: int
    seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit-Limit, -Remaining and -Reset, as api.md names them."""
        numbers = {"Limit": self.limit, "Remaining": max(0, self.remaining), "Reset": self.seconds}
        return {f"RateLimit-{name}": str(number) for name, number in numbers.items()}


class Quotas:
    """Create inside the running loop; `close` at the end."""

    def __init__(self, settings: Settings) -> None:
        self._limits = {
            "read": parse(settings.read_quota),
            "write": parse(settings.write_quota),
            "link": parse(settings.link_quota),
        }
        uri, options = async_store(settings.redis_address())
        self._shared: Any = storage_from_string(uri, **options, wrap_exceptions=True, key_prefix="gateway-quota")
        self._own = MemoryStorage()
        self._away_until = 0.0
        self._shares: OrderedDict[tuple[str, str], _Share] = OrderedDict()
        self._links: OrderedDict[tuple[str, str], _Share] = OrderedDict()
        """Apart from those of businesses: anybody may make up as many links as he likes."""

    async def count(self, business_id: str, method: str) -> Tally:
        """Counts a request of a proven caller."""
        return await self._count(self._shares, "read" if method in READS else "write", business_id)

    async def count_link(self, token: str) -> None:
        """Count what a stranger does through a public link. Raise RESOURCE_EXHAUSTED (RATE_LIMITED) above the limit."""
        digest = hashlib.sha256(token.encode(errors="replace")).hexdigest()
        tally = await self._count(self._links, "link", digest)
        if not tally.allowed:
            message = "this was asked for very often; try again in a moment"
            raise ServiceError(Kind.RESOURCE_EXHAUSTED, "RATE_LIMITED", message, retry_after=tally.seconds)

    async def _count(self, shares: OrderedDict[tuple[str, str], _Share], kind: str, caller: str) -> Tally:
        limit = self._limits[kind]
        window, passed = divmod(time.time(), limit.get_expiry())
        share = _share(shares, caller, kind, int(window))
        if not share.left:
            await self._refill(share, f"{kind}/{caller}", limit)
        allowed = share.left > 0
        share.left -= allowed
        seconds = max(1, ceil(limit.get_expiry() - passed))
        return Tally(allowed, limit.amount, limit.amount - share.counted + share.left, seconds)

    async def _refill(self, share: _Share, key: str, limit: RateLimitItem) -> None:
        """One of many requests that wait asks Redis; nobody does once the limit is used up."""
        async with share.asking:
            if share.left or share.counted >= limit.amount:
                return
            wanted = max(1, limit.amount // 100)
            before = await self._incremented(f"{key}/{share.window}", limit.get_expiry(), wanted) - wanted
            share.left = max(0, min(wanted, limit.amount - before))
            share.counted = min(limit.amount, before + wanted)

    async def _incremented(self, key: str, seconds: int, amount: int) -> int:
        if time.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    return int(await self._shared.incr(key, seconds, amount))
            except (StorageError, TimeoutError, *AWAY) as error:
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("quotas are counted in memory", error=type(error).__name__)
        return await self._own.incr(key, seconds, amount)

    async def close(self) -> None:
        """Closes the connections."""
        bridge = self._shared.bridge  # of redis-py, whose clients limits does not close
        for name in ("storage", "storage_replica", "sentinel"):
            if client := getattr(bridge, name, None):
                await client.aclose()


def _share(shares: OrderedDict[tuple[str, str], _Share], caller: str, kind: str, window: int) -> _Share:
    share = shares.get((caller, kind))
    if share is None or share.window != window:
        share = shares[caller, kind] = _Share(window)
        shares.move_to_end((caller, kind))
        if len(shares) > KEPT:
            shares.popitem(last=False)
    return share
