"""Background work of a service: loops that wake when the database says so, and jobs that run in one place at a time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger(__name__)

FAILURES = Counter("job_failures_total", "Steps of background work that raised", ["job"])
SUCCEEDED = Gauge("job_last_success_timestamp_seconds", "When a step last ended well, or else the start", ["job"])
INTERVAL = Gauge("job_interval_seconds", "How often a job is looked at when nothing wakes it", ["job"])
RECONNECT_SECONDS = 1.0
BACKOFF_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A step that is repeated: at once while it gives a number above 0, else after `every` seconds or a NOTIFY.

    `single` jobs run in one process at a time (an advisory lock); `channel` is the NOTIFY channel that wakes it.
    """

    name: str
    step: Callable[[], Awaitable[int]]
    every: float
    channel: str = ""
    single: bool = False


class Wakeups:
    """One LISTEN connection for all channels of a process; after a lost connection everyone is woken once."""

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._url = url
        self._events: dict[str, list[asyncio.Event]] = {channel: [] for channel in channels}

    def event(self, channel: str) -> asyncio.Event:
        """A fresh event, set whenever the channel is notified; whoever asked clears it, for itself alone."""
        event = asyncio.Event()
        self._events[channel].append(event)
        return event

    async def run(self) -> None:
        """Listens until cancelled."""
        while self._events:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    for channel in self._events:
                        await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                    for channel in self._events:
                        self._wake(channel)
                    async for notice in connection.notifies():
                        self._wake(notice.channel)
            except (psycopg.OperationalError, OSError) as error:
                log.warning("listening was interrupted", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    def _wake(self, channel: str) -> None:
        for event in self._events[channel]:
            event.set()


class Places:
    """Which single jobs run in this process. All their locks are held by one connection, and let go when it ends.

    A connection of its own, since a job that held one of the pool while its step waits for another could wait for ever
    among others that do the same.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def only_here(self, name: str) -> AsyncIterator[bool]:
        """Whether this process now holds the named lock, until the end of the block; raises OperationalError."""
        held = await self._ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)
        try:
            yield held
        finally:
            if held:
                await self._let_go(name)

    async def close(self) -> None:
        """Lets go of all of them."""
        if self._connection is not None:
            await self._connection.close()

    async def _let_go(self, name: str) -> None:
        try:
            await self._ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)
        except psycopg.OperationalError as error:  # with its connection the lock was let go
            log.warning("a place was lost", job=name, error=type(error).__name__)

    async def _ask(self, statement: LiteralString, name: str) -> bool:
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
            answer = await self._connection.execute(statement, [f"job:{name}"])
            return bool((await answer.fetchone() or (False,))[0])


@contextlib.asynccontextmanager
async def only_here(engine: AsyncEngine, name: str) -> AsyncIterator[bool]:
    """As Places, for a command that runs one job: by a connection of its pool."""
    key = func.hashtextextended(f"job:{name}", 0)
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        held = bool((await connection.execute(select(func.pg_try_advisory_lock(key)))).scalar_one())
        try:
            yield held
        finally:
            if held:
                await connection.execute(select(func.pg_advisory_unlock(key)))


class JobRunner:
    """Runs jobs until stopped. A step that raises is logged, counted, and tried again."""

    def __init__(self, url: str, jobs: Sequence[Job], channels: Sequence[str] = ()) -> None:
        """`channels`: further NOTIFY channels, for whoever asks `wakeups` for their events before the start."""
        self._jobs = jobs
        self._places = Places(url)
        self.wakeups = Wakeups(url, sorted({*channels, *(job.channel for job in jobs if job.channel)}))
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts every job."""
        for job in self._jobs:
            FAILURES.labels(job.name)  # from zero: the first failure is an increase too
            INTERVAL.labels(job.name).set(job.every)
            SUCCEEDED.labels(job.name).set(time.time())
        self._listening = asyncio.create_task(self.wakeups.run())
        self._tasks = [asyncio.create_task(self._repeat(job), name=job.name) for job in self._jobs]

    async def stop(self, grace: float) -> None:
        """Lets running steps end within the grace (seconds), then cancels."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        left = [task for task in (*self._tasks, self._listening) if task is not None and not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._places.close()

    async def _repeat(self, job: Job) -> None:
        wake = self.wakeups.event(job.channel) if job.channel else self._stopping
        while not self._stopping.is_set():
            if wake is not self._stopping:
                wake.clear()
            pause = job.every
            try:
                if await self._step(job):
                    continue
            except Exception:
                FAILURES.labels(job.name).inc()
                log.exception("job failed", job=job.name)
                pause = max(job.every, BACKOFF_SECONDS)
            await self._pause(wake, pause)

    async def _step(self, job: Job) -> int:
        if not job.single:
            return await self._run(job)
        async with self._places.only_here(job.name) as here:
            return await self._run(job) if here else 0

    @staticmethod
    async def _run(job: Job) -> int:
        count = await job.step()
        SUCCEEDED.labels(job.name).set(time.time())
        return count

    async def _pause(self, wake: asyncio.Event, seconds: float) -> None:
        """Until woken, stopped, or so many seconds later."""
        waits = {asyncio.create_task(event.wait()) for event in {wake, self._stopping}}
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
