"""Workers of a queue: each free slot takes the next piece of work, so that a slow piece delays no other."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Table

from whatsinvoice_kit.data.jobs import BACKOFF_SECONDS
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry
from whatsinvoice_kit.queue import work
from whatsinvoice_kit.queue.work import Claimed

log = structlog.get_logger(__name__)

DEPTH = Gauge("queue_depth", "Pieces of work that wait, due or not", ["queue"])
OLDEST = Gauge("queue_oldest_seconds", "How long the oldest piece of work has been due", ["queue"])
ATTEMPTS = Counter("queue_attempts_total", "Attempts by what came of them", ["queue", "outcome"])
SECONDS = Histogram(
    "queue_work_seconds", "Time of one attempt", ["queue"], buckets=(0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10, 30)
)
OUTCOMES = ("done", "later", "failed", "given_up", "lost")
LEASE_ENDED = "LeaseEnded"
"""The error of work whose workers ended, or worked on past the lease, at every try."""
LONGEST_PAUSE = 5.0
"""A worker that nothing wakes looks this often (seconds), since a NOTIFY may be lost with its connection."""
JITTER = 0.2


class RetryLater(Exception):  # noqa: N818  (the time has not come; nothing is wrong)
    """The work is to be tried again later. This is not a failure; the text says what is missing."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Taken:
    """A piece of work in a handler's hands."""

    def __init__(self, table: Table, claimed: Claimed) -> None:
        self._table = table
        self.claimed = claimed
        self.finished = False

    @property
    def key(self) -> str:
        return self.claimed.key

    @property
    def attempts(self) -> int:
        """The claims of this piece so far, this one included."""
        return self.claimed.attempts

    async def finish(self, tx: Transaction) -> None:
        """Finish the work in the transaction of its effect. Without this call the worker does it in one of its own."""
        await work.finish(tx, self._table, self.claimed)
        self.finished = True


Handler = Callable[[Taken], Awaitable[None]]
GiveUp = Callable[[Transaction, Taken, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Queue:
    """How one kind of work is done.

    `handle` does it, in as many transactions as it needs; it may raise RetryLater. Any other exception counts as a
    failure, and the work is tried again after growing waits. After `tries` failures `give_up` records the named end,
    in the transaction that removes the work. A worker that dies with the work is a failure too; such work is tried
    again one piece at a time, so that what was beside the cause does not die with it again.
    """

    kind: str
    handle: Handler
    give_up: GiveUp
    concurrency: int = 8
    lease_seconds: float = 60.0
    first_retry_seconds: float = 1.0
    longest_retry_seconds: float = 3600.0
    tries: int = 10

    def wait_after(self, failures: int) -> float:
        """Return the seconds to wait after so many failures: doubled each time, with jitter."""
        wait = min(self.longest_retry_seconds, self.first_retry_seconds * 2.0 ** min(failures, 30))
        return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret


class QueueWorker:
    """Does the work of one queue in this process until it is stopped."""

    def __init__(self, unit_of_work: UnitOfWork, table: Table, queue: Queue, wake: asyncio.Event) -> None:
        self._unit_of_work = unit_of_work
        self._table = table
        self._queue = queue
        self._wake = wake
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
        self._suspect: asyncio.Task[None] | None = None
        for outcome in OUTCOMES:
            ATTEMPTS.labels(queue.kind, outcome)
        DEPTH.labels(queue.kind)
        OLDEST.labels(queue.kind)

    async def run(self) -> None:
        """Claim and work until stopped, then wait for what is running."""
        while not self._stopping:
            self._wake.clear()
            try:
                pause = await self._fill()
            except Exception:
                log.exception("queue not read", queue=self._queue.kind)
                pause = BACKOFF_SECONDS
            if pause and not self._stopping:
                await self._wait(pause)
        if self._running:
            await asyncio.wait(self._running)

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._wake.set()

    def running(self) -> set[asyncio.Task[None]]:
        """Return the tasks of what is being worked."""
        return set(self._running)

    async def _fill(self) -> float:
        """Put work into every free slot. Return how long to wait before the next look."""
        free = self._queue.concurrency - len(self._running)
        if not free:
            return LONGEST_PAUSE
        lease = timedelta(seconds=self._queue.lease_seconds)
        async with self._unit_of_work.begin() as tx:
            alone = self._suspect is None
            claimed = await work.claim(tx, self._table, self._queue.kind, lease, free, lost=alone)
            due = 0.0 if claimed else await work.seconds_until_due(tx, self._table, self._queue.kind)
        for piece in claimed:
            task = asyncio.create_task(self._work(piece), name=f"{self._queue.kind}:{piece.key}")
            self._running.add(task)
            self._suspect = task if piece.lost else self._suspect
            task.add_done_callback(self._refill)
        return min(due or LONGEST_PAUSE, LONGEST_PAUSE) if len(claimed) < free else LONGEST_PAUSE

    def _refill(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task is self._suspect:
            self._suspect = None
        self._wake.set()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _work(self, piece: Claimed) -> None:
        taken, kind, began = Taken(self._table, piece), self._queue.kind, time.monotonic()
        if piece.lost:
            log.warning("work lost: lease ended", queue=kind, key=piece.key, failures=piece.failures)
            ATTEMPTS.labels(kind, "lost").inc()
            if piece.failures >= self._queue.tries:
                ATTEMPTS.labels(kind, await self._end(taken, LEASE_ENDED, piece.failures)).inc()
                return
        try:
            with telemetry.taken(kind, piece.key, piece.traceparent):
                await self._queue.handle(taken)
            if not taken.finished:
                async with self._unit_of_work.begin() as tx:
                    await taken.finish(tx)
            outcome = "done"
        except RetryLater as later:
            outcome = await self._record("later", self._postpone(piece, later.seconds, str(later)))
        except asyncio.CancelledError:
            await self._record("later", self._postpone(piece, 0, "stopped"))
            raise
        except Exception as error:
            log.exception("work failed", queue=kind, key=piece.key, failures=piece.failures + 1)
            outcome = await self._fail(taken, type(error).__name__)
        SECONDS.labels(kind).observe(time.monotonic() - began)
        ATTEMPTS.labels(kind, outcome).inc()

    async def _fail(self, taken: Taken, error: str) -> str:
        failures = taken.claimed.failures + 1
        if failures < self._queue.tries:
            wait = self._queue.wait_after(failures - 1)
            return await self._record("failed", self._postpone(taken.claimed, wait, error, failed=True))
        return await self._end(taken, error, failures)

    async def _end(self, taken: Taken, error: str, failures: int) -> str:
        log.error("work given up", queue=self._queue.kind, key=taken.key, failures=failures, error=error)
        return await self._record("given_up", self._give_up(taken, error))

    async def _record(self, outcome: str, recording: Awaitable[None]) -> str:
        """Record an outcome. When the database is away the lease ends by itself and the work comes again."""
        try:
            await recording
        except Exception:
            log.exception("outcome not recorded", queue=self._queue.kind, outcome=outcome)
        return outcome

    async def _postpone(self, piece: Claimed, seconds: float, error: str, *, failed: bool = False) -> None:
        async with self._unit_of_work.begin() as tx:
            await work.postpone(tx, self._table, piece, timedelta(seconds=seconds), error, failed=failed)

    async def _give_up(self, taken: Taken, error: str) -> None:
        async with self._unit_of_work.begin() as tx:
            await self._queue.give_up(tx, taken, error)
            await taken.finish(tx)


class QueueRunner:
    """The workers of all queues of a process."""

    def __init__(self, unit_of_work: UnitOfWork, table: Table, queues: Sequence[Queue]) -> None:
        self._unit_of_work = unit_of_work
        self._table = table
        self._queues = queues
        self._workers: list[QueueWorker] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, wake: Callable[[], asyncio.Event]) -> None:
        """Start a worker per queue; `wake` makes an event that every commit of new work sets."""
        self._workers = [QueueWorker(self._unit_of_work, self._table, queue, wake()) for queue in self._queues]
        self._tasks = [asyncio.create_task(worker.run()) for worker in self._workers]

    async def stop(self, grace: float) -> None:
        """Claim nothing more, let running work end within the grace (seconds), then cancel it and give it back."""
        for worker in self._workers:
            worker.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        left = [task for worker in self._workers for task in worker.running()]
        for task in (*left, *self._tasks):
            task.cancel()
        await asyncio.gather(*left, *self._tasks, return_exceptions=True)

    async def measure(self) -> None:
        """Set the gauges of every queue."""
        async with self._unit_of_work.begin() as tx:
            depths = {depth.kind: depth for depth in await work.measure(tx, self._table)}
        for queue in self._queues:
            depth = depths.get(queue.kind, work.Depth(queue.kind, 0, 0.0))
            DEPTH.labels(queue.kind).set(depth.waiting)
            OLDEST.labels(queue.kind).set(depth.oldest_seconds)
