"""What has ended at auth, as this process knows it: followed by a stream, so that it is refused within a second."""

import asyncio
import time
from contextlib import aclosing

import structlog
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice_kit.core.errors import ServiceError

from whatsinvoice_gateway.clients import Services

log = structlog.get_logger(__name__)

RETRY_SECONDS = 0.2
FIRST_SECONDS = 2.0
"""How long a starting process waits for what it missed; then it serves, since auth may be away."""


class Revocations:
    """Ended sessions and revoked API keys whose tokens may still live."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ended: dict[str, float] = {}
        self._cursor = ""
        self._told = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    def __contains__(self, origin: str) -> bool:
        """Whether the session or key has ended."""
        return origin in self._ended

    async def start(self) -> None:
        """Follows auth from now on; returns when it has told what ended before, or after two seconds."""
        self._following = asyncio.create_task(self._follow())
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await self._told.wait()
        except TimeoutError:
            log.warning("auth does not tell what has ended; serving without")

    async def close(self) -> None:
        """Stops following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        """Goes on with what it knows while auth is away, and from the cursor when it is back."""
        connected = True
        while True:
            try:
                async with aclosing(self._services.watch_revocations(self._cursor)) as responses:
                    async for response in responses:
                        self._take(response)
                        connected = True
            except ServiceError as error:
                if connected:
                    log.warning("revocations cannot be followed", reason=error.reason)
                connected = False
            await asyncio.sleep(RETRY_SECONDS)

    def _take(self, response: auth_pb2.WatchRevocationsResponse) -> None:
        moment = time.time()
        self._ended = {origin: until for origin, until in self._ended.items() if until > moment}
        self._ended.update((ended.id, float(ended.expire_time.seconds)) for ended in response.revocations)
        self._cursor = response.cursor
        self._told.set()
