"""Webhooks on their way out: signed bytes go to a URL until it answers 200 or the provider gives up."""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from .clock import ScaledClock
from .faults import Fault, Faults

_KEPT_ATTEMPTS = 1000
_log = logging.getLogger(__name__)
_TRUST = httpx.create_ssl_context()  # reading the certificates takes longer than starting everything else


@dataclass(frozen=True, slots=True)
class Webhook:
    """`waits` are the seconds before each further try, `timeout` the seconds a receiver has to answer."""

    provider: str
    event: str
    key: str
    url: str
    body: bytes
    headers: dict[str, str]
    waits: Sequence[float]
    timeout: float


@dataclass(frozen=True, slots=True)
class Attempt:
    delivery: int
    provider: str
    event: str
    key: str
    attempt: int
    status_code: int | None
    error: str | None
    at: str


class Deliveries:
    def __init__(self, clock: ScaledClock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        # trust_env off: a proxy of the machine must not carry calls between two programs on it
        self._client = httpx.AsyncClient(verify=_TRUST, trust_env=False)
        self._numbers = itertools.count(1)
        self._attempts: deque[Attempt] = deque(maxlen=_KEPT_ATTEMPTS)
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def send(self, webhook: Webhook) -> bool:
        """Starts delivery and returns whether there is one: without a URL it has nobody to go to, or it is dropped.

        After `close` there is none either: what a timer still had to tell would be started, and never awaited.
        """
        if not webhook.url or self._closed:
            return False
        if self._draw(webhook, "drop"):
            self._record(next(self._numbers), webhook, 0, None, "dropped")
            return False
        copies = fault.copies if (fault := self._draw(webhook, "duplicate")) else 1
        for _ in range(copies):
            task = asyncio.create_task(self._deliver(next(self._numbers), webhook, self._held_for(webhook)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return True

    def attempts(self) -> list[dict[str, Any]]:
        """The latest attempts, oldest first."""
        return [asdict(attempt) for attempt in self._attempts]

    async def close(self) -> None:
        """Ends what is under way and starts nothing more."""
        self._closed = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._client.aclose()

    def _draw(self, webhook: Webhook, fault: str) -> Fault | None:
        return self._faults.draw(webhook.provider, "webhook", fault, webhook.event)

    def _held_for(self, webhook: Webhook) -> float:
        held = 0.0
        if fault := self._draw(webhook, "delay"):
            held += fault.duration
        if fault := self._draw(webhook, "reorder"):
            held += self._faults.draw_part(fault)
        return held

    async def _deliver(self, number: int, webhook: Webhook, held: float) -> None:
        await asyncio.sleep(held)
        for attempt, wait in enumerate((0.0, *webhook.waits), start=1):
            await self._clock.sleep(wait)
            if await self._try_once(number, webhook, attempt):
                return

    async def _try_once(self, number: int, webhook: Webhook, attempt: int) -> bool:
        try:
            response = await self._client.post(
                webhook.url, content=webhook.body, headers=webhook.headers, timeout=webhook.timeout
            )
        except httpx.HTTPError as error:
            self._record(number, webhook, attempt, None, type(error).__name__)
            return False
        self._record(number, webhook, attempt, response.status_code, None)
        return response.status_code == httpx.codes.OK

    def _record(self, number: int, webhook: Webhook, attempt: int, status_code: int | None, error: str | None) -> None:
        _log.info("%s %s %s, try %d: %s", webhook.provider, webhook.event, webhook.key, attempt, status_code or error)
        at = datetime.now(UTC).isoformat()
        self._attempts.append(
            Attempt(number, webhook.provider, webhook.event, webhook.key, attempt, status_code, error, at)
        )
