"""A channel over mutual TLS that moves to a new connection when the certificates change, and loses no call by it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import grpc
import structlog

from whatsinvoice_kit.rpc.tls import CertificateFiles, Certificates

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 10.0
REST_SECONDS = 360.0
"""How long calls on the old connection may go on: longer than a server keeps any (its maximum age and grace)."""


class _Following:
    """One method, always on the channel that is current."""

    __slots__ = ("_bound", "_made", "_make", "_to")

    def __init__(self, to: "RenewedChannel", make: Callable[[grpc.aio.Channel], Any]) -> None:
        self._to = to
        self._make = make
        self._made: grpc.aio.Channel | None = None
        self._bound: Any = None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        channel = self._to.current
        if channel is not self._made:
            self._made, self._bound = channel, self._make(channel)
        return self._bound(*arguments, **options)


class RenewedChannel:
    """What stubs use of grpc.aio.Channel. Create it inside the running loop; `close` ends all of it.

    New certificates are taken once a connection stands with them. Until then, and when the other side does not accept
    them, calls go on over the old one.
    """

    def __init__(
        self, address: str, server_name: str, files: CertificateFiles, options: Sequence[tuple[str, Any]]
    ) -> None:
        self._address = address
        self._options = [*options, ("grpc.ssl_target_name_override", server_name)]
        self._files = files
        self._used = files.current()
        self.current = self._open(self._used)
        self._resting: set[asyncio.Task[None]] = set()
        self._watching = asyncio.create_task(self._watch())

    @property
    def resting(self) -> int:
        """Old connections whose calls are not done."""
        return len(self._resting)

    def unary_unary(self, *arguments: Any, **options: Any) -> _Following:
        return _Following(self, lambda channel: channel.unary_unary(*arguments, **options))

    def unary_stream(self, *arguments: Any, **options: Any) -> _Following:
        return _Following(self, lambda channel: channel.unary_stream(*arguments, **options))

    def stream_unary(self, *arguments: Any, **options: Any) -> _Following:
        return _Following(self, lambda channel: channel.stream_unary(*arguments, **options))

    def stream_stream(self, *arguments: Any, **options: Any) -> _Following:
        return _Following(self, lambda channel: channel.stream_stream(*arguments, **options))

    async def close(self) -> None:
        """Ends the calls that run, and closes every connection."""
        tasks = [self._watching, *self._resting]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.current.close()

    def _open(self, certificates: Certificates) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(self._address, certificates.channel_credentials(), options=self._options)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._files.check_seconds)
            latest = self._files.current()
            if latest != self._used:
                await self._move(latest)

    async def _move(self, latest: Certificates) -> None:
        channel = self._open(latest)
        try:
            await asyncio.wait_for(channel.channel_ready(), CONNECT_SECONDS)
        except TimeoutError:
            log.warning("no connection with the new certificates yet", address=self._address)
            await channel.close()
            return
        except asyncio.CancelledError:
            await channel.close()
            raise
        old, self.current, self._used = self.current, channel, latest
        rest = asyncio.create_task(_rest(old))
        self._resting.add(rest)
        rest.add_done_callback(self._resting.discard)


async def _rest(channel: grpc.aio.Channel) -> None:
    """Lets its calls end, then closes it."""
    try:
        await channel.close(REST_SECONDS)
    except asyncio.CancelledError:
        await channel.close()
        raise
