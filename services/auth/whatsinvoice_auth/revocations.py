"""What has ended, brought to every watcher as it happens: one LISTEN connection for all of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.jobs import Wakeups
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_auth.repository.revocations import CHANNEL, revocations_after

LOOK_SECONDS = 5.0
"""How often a watcher looks without being woken: a notice can be lost with its connection."""
BATCH = 500


class RevocationFeed:
    """Revocations after a cursor, for as long as somebody watches. `close` at the end."""

    def __init__(self, unit_of_work: UnitOfWork, database_url: str) -> None:
        self._unit_of_work = unit_of_work
        self._wakeups = Wakeups(database_url, (CHANNEL,))
        self._watchers: set[asyncio.Event] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def watch(self, sequence: int) -> AsyncIterator[tuple[int, list[tuple[str, datetime]]]]:
        """The cursor after them, and (session or key id, until when it matters); the first at once, even with none."""
        self._listen()
        woken = asyncio.Event()
        self._watchers.add(woken)
        first = True
        try:
            while True:
                woken.clear()
                async with self._unit_of_work.read() as tx:
                    found = await revocations_after(tx, sequence, now(), BATCH)
                if found or first:
                    sequence = found[-1][0] if found else sequence
                    yield sequence, [(subject_id, expires_at) for _, subject_id, expires_at in found]
                first = False
                if len(found) < BATCH:
                    await _wait(woken, LOOK_SECONDS)
        finally:
            self._watchers.discard(woken)

    def _listen(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._wakeups.run()), asyncio.create_task(self._pass_on())]

    async def _pass_on(self) -> None:
        notified = self._wakeups.event(CHANNEL)
        while True:
            await notified.wait()
            notified.clear()
            for watcher in self._watchers:
                watcher.set()

    async def close(self) -> None:
        """Stops listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:  # time to look again
        return
