"""The queue: work is done once, in order per key, by whichever slot is free, and an end is always recorded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from support.sample import EFFECTS, TABLES, eventually
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.queue import work
from whatsinvoice_kit.queue.work import NewWork
from whatsinvoice_kit.queue.worker import ATTEMPTS, Queue, QueueRunner, QueueWorker, RetryLater, Taken

TABLE = TABLES.work


@pytest.fixture
def unit_of_work(engine: AsyncEngine) -> UnitOfWork:
    return UnitOfWork(engine, TABLES.outbox)


class Bench:
    """A queue with one handler, and a record of what it did."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self.unit_of_work = unit_of_work
        self.began: list[str] = []
        self.done: list[str] = []
        self.given_up: list[tuple[str, str]] = []
        self.wake = asyncio.Event()

    async def add(self, *pieces: NewWork) -> None:
        async with self.unit_of_work.begin() as tx:
            await work.add(tx, TABLE, pieces)
        self.wake.set()

    async def waiting(self) -> dict[str, str]:
        """Key -> error of all that waits."""
        async with self.unit_of_work.begin() as tx:
            return {row.key: row.error for row in await tx.execute(select(TABLE.c.key, TABLE.c.error))}

    async def empty(self) -> bool:
        return not await self.waiting()

    async def give_up(self, tx: Transaction, taken: Taken, error: str) -> None:
        self.given_up.append((taken.key, error))

    @asynccontextmanager
    async def working(self, handle: Callable[[Taken], Awaitable[None]], **options: float) -> AsyncIterator[None]:
        async def noted(taken: Taken) -> None:
            self.began.append(taken.key)
            await handle(taken)
            self.done.append(taken.key)

        values = {"first_retry_seconds": 0.01, **options}
        queue = Queue("kind", noted, self.give_up, **values)  # type: ignore[arg-type]  # counts and seconds by name
        worker = QueueWorker(self.unit_of_work, TABLE, queue, self.wake)
        task = asyncio.create_task(worker.run())
        yield
        worker.stop()
        await task


@pytest.fixture
def bench(unit_of_work: UnitOfWork) -> Bench:
    return Bench(unit_of_work)


async def nothing(_: Taken) -> None:
    pass


async def test_work_is_done_once_and_its_row_is_gone(bench: Bench) -> None:
    await bench.add(*(NewWork("kind", f"{number}") for number in range(50)))
    async with bench.working(nothing):
        await eventually(bench.empty)
    assert sorted(bench.done) == sorted(f"{number}" for number in range(50))


async def test_work_of_a_transaction_that_rolls_back_was_never_there(bench: Bench) -> None:
    async def rolled_back() -> None:
        async with bench.unit_of_work.begin() as tx:
            await work.add(tx, TABLE, [NewWork("kind", "a")])
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await rolled_back()
    assert await bench.empty()


async def test_two_workers_share_the_work_and_do_none_of_it_twice(bench: Bench) -> None:
    await bench.add(*(NewWork("kind", f"{number}") for number in range(200)))
    async with bench.working(nothing), bench.working(nothing):
        await eventually(bench.empty)
    assert len(bench.done) == len(set(bench.done)) == 200


async def test_what_is_added_again_during_the_work_is_worked_again(bench: Bench) -> None:
    async def handle(taken: Taken) -> None:
        if len(bench.began) == 1:
            await bench.add(NewWork("kind", "a"))

    await bench.add(NewWork("kind", "a"))
    async with bench.working(handle):
        await eventually(bench.empty)
    assert bench.done == ["a", "a"]


async def test_what_is_added_again_before_the_work_is_worked_once(bench: Bench) -> None:
    await bench.add(NewWork("kind", "a"))
    await bench.add(NewWork("kind", "a"))
    async with bench.working(nothing):
        await eventually(bench.empty)
    assert bench.done == ["a"]


async def test_one_order_key_is_worked_in_order_and_others_beside_it(bench: Bench) -> None:
    async def handle(taken: Taken) -> None:
        await asyncio.sleep(0.05 if taken.key.startswith("a") else 0)

    pieces = [NewWork("kind", f"{who}{number}", order_key=who) for number in range(4) for who in "ab"]
    await bench.add(*pieces)
    async with bench.working(handle):
        await eventually(bench.empty)
    assert [key for key in bench.done if key.startswith("a")] == ["a0", "a1", "a2", "a3"]
    assert [key for key in bench.done if key.startswith("b")] == ["b0", "b1", "b2", "b3"]
    assert bench.done.index("b3") < bench.done.index("a3"), "one order key waited for the other"


async def test_postponed_work_holds_back_what_follows_it_in_its_order(bench: Bench) -> None:
    async def handle(taken: Taken) -> None:
        if taken.key == "first" and taken.attempts == 1:
            raise RetryLater(0.1, "not yet")

    await bench.add(NewWork("kind", "first", "order"), NewWork("kind", "second", "order"))
    async with bench.working(handle):
        await eventually(bench.empty)
    assert bench.done == ["first", "second"]


async def test_a_piece_that_hangs_takes_one_slot_and_delays_no_other(bench: Bench) -> None:
    release = asyncio.Event()

    async def handle(taken: Taken) -> None:
        if taken.key == "hangs":
            await release.wait()

    await bench.add(NewWork("kind", "hangs"), *(NewWork("kind", f"{number}") for number in range(20)))
    async with bench.working(handle, concurrency=2):

        async def others_are_done() -> bool:
            return len(bench.done) == 20

        await eventually(others_are_done, 3)
        assert list(await bench.waiting()) == ["hangs"]
        release.set()
        await eventually(bench.empty)


async def test_later_is_no_failure_and_says_what_is_missing(bench: Bench) -> None:
    async def handle(taken: Taken) -> None:
        if taken.attempts < 15:
            raise RetryLater(0.01, f"attempt {taken.attempts}")

    failures = ATTEMPTS.labels("kind", "failed")._value.get()  # noqa: SLF001  prometheus has no public reader
    await bench.add(NewWork("kind", "a"))
    async with bench.working(handle, tries=3):
        await eventually(bench.empty)
    assert (bench.done, bench.given_up) == (["a"], [])
    assert ATTEMPTS.labels("kind", "failed")._value.get() == failures  # noqa: SLF001  as above


async def test_f27_a_handler_with_a_bug_is_tried_so_often_and_ends_with_a_name(bench: Bench) -> None:
    async def handle(taken: Taken) -> None:
        if taken.key == "bug":
            raise KeyError("bug")

    await bench.add(NewWork("kind", "bug"), NewWork("kind", "good"))
    async with bench.working(handle, tries=4):
        await eventually(bench.empty)
    assert bench.began.count("bug") == 4
    assert bench.given_up == [("bug", "KeyError")]
    assert bench.done == ["good"]


async def test_a_failure_is_kept_beside_the_work_that_waits(bench: Bench) -> None:
    async def handle(_: Taken) -> None:
        raise KeyError("bug")

    await bench.add(NewWork("kind", "a"))
    async with bench.working(handle, first_retry_seconds=60):

        async def failed() -> bool:
            return (await bench.waiting())["a"] == "KeyError"

        await eventually(failed)
    assert bench.began == ["a"]


async def test_work_of_a_worker_that_died_is_taken_over_when_its_lease_ends(bench: Bench) -> None:
    await bench.add(NewWork("kind", "a"))
    async with bench.unit_of_work.begin() as tx:
        assert len(await work.claim(tx, TABLE, "kind", timedelta(seconds=0.3), 10)) == 1
    async with bench.unit_of_work.begin() as tx:
        assert await work.claim(tx, TABLE, "kind", timedelta(seconds=60), 10) == []
    async with bench.working(nothing):
        await eventually(bench.empty)
    assert bench.done == ["a"]


async def test_a_worker_whose_lease_ended_cannot_finish_what_another_holds(bench: Bench) -> None:
    await bench.add(NewWork("kind", "a"))
    async with bench.unit_of_work.begin() as tx:
        [slow] = await work.claim(tx, TABLE, "kind", timedelta(0), 10)
    async with bench.unit_of_work.begin() as tx:
        await work.claim(tx, TABLE, "kind", timedelta(seconds=60), 10)
    async with bench.unit_of_work.begin() as tx:
        await work.finish(tx, TABLE, slow)
        await work.postpone(tx, TABLE, slow, timedelta(0), "late")
    assert await bench.waiting() == {"a": ""}


async def test_work_finishes_in_the_transaction_of_its_effect(bench: Bench) -> None:
    async def handle(taken: Taken) -> None:
        async with bench.unit_of_work.begin() as tx:
            await tx.execute(insert(EFFECTS).values(event_id=taken.key))
            await taken.finish(tx)
            if taken.attempts == 1:
                raise KeyError("the effect and the end of the work go together")

    await bench.add(NewWork("kind", "a"))
    async with bench.working(handle):
        await eventually(bench.empty)
    async with bench.unit_of_work.begin() as tx:
        assert (await tx.execute(select(EFFECTS.c.event_id))).scalars().all() == ["a"]
    assert bench.began == ["a", "a"]


async def test_delayed_work_waits_for_its_time(bench: Bench) -> None:
    await bench.add(NewWork("kind", "later", delay=timedelta(seconds=0.5)), NewWork("kind", "now"))
    async with bench.working(nothing):
        await eventually(bench.empty)
    assert bench.done == ["now", "later"]


async def test_the_depth_counts_what_waits_and_the_age_of_what_is_due(bench: Bench) -> None:
    await bench.add(NewWork("kind", "a"), NewWork("kind", "b", delay=timedelta(hours=1)))
    await asyncio.sleep(0.05)
    async with bench.unit_of_work.begin() as tx:
        [depth] = await work.measure(tx, TABLE)
    assert (depth.kind, depth.waiting) == ("kind", 2)
    assert 0.05 <= depth.oldest_seconds < 5


async def _die_with(bench: Bench, limit: int) -> list[str]:
    """Claim as a process does that dies right after, and let its leases end. Return the keys."""
    async with bench.unit_of_work.begin() as tx:
        taken = await work.claim(tx, TABLE, "kind", timedelta(0), limit)
    return [piece.key for piece in taken]


async def test_f27_work_that_kills_its_process_ends_with_a_name(bench: Bench) -> None:
    """It never raises, so only its claims say how often it was tried."""
    await bench.add(NewWork("kind", "killer"))
    for _ in range(3):
        assert await _die_with(bench, 1) == ["killer"]
    async with bench.working(nothing, tries=3):
        await eventually(bench.empty)
    assert bench.done == [], "it is not tried a fourth time"
    assert bench.given_up == [("killer", "LeaseEnded")]


async def test_f27_a_claim_that_never_finished_counts_as_a_failed_attempt(bench: Bench) -> None:
    failures: list[tuple[int, int]] = []

    async def handle(taken: Taken) -> None:
        failures.append((taken.attempts, taken.claimed.failures))
        if len(failures) == 1:
            raise RetryLater(0, "missing")

    lost_before = ATTEMPTS.labels("kind", "lost")._value.get()  # noqa: SLF001  (prometheus_client shows it no other way)
    await bench.add(NewWork("kind", "a"))
    await _die_with(bench, 1)
    async with bench.working(handle):
        await eventually(bench.empty)
    assert failures == [(2, 1), (3, 1)], "waiting is no failure, dying is one"
    assert ATTEMPTS.labels("kind", "lost")._value.get() == lost_before + 1  # noqa: SLF001  (as above)


async def test_f27_work_beside_a_killer_is_not_given_up_with_it(bench: Bench) -> None:
    """Of the work that a dead process held, a worker takes one piece at a time: neighbours die with a killer once."""
    keys = ["killer", *(f"innocent {number}" for number in range(5))]
    await bench.add(*(NewWork("kind", key) for key in keys))
    assert sorted(await _die_with(bench, 10)) == sorted(keys)
    beside: list[int] = []
    running: set[str] = set()

    async def handle(taken: Taken) -> None:
        running.add(taken.key)
        beside.append(len(running))
        await asyncio.sleep(0.02)
        running.discard(taken.key)

    async with bench.working(handle):
        await eventually(bench.empty)
    assert sorted(bench.done) == sorted(keys)
    assert set(beside) == {1}


async def test_f27_a_worker_that_is_stopped_gives_its_work_back(bench: Bench, unit_of_work: UnitOfWork) -> None:
    began = asyncio.Event()

    async def hang(_: Taken) -> None:
        began.set()
        await asyncio.Event().wait()

    await bench.add(NewWork("kind", "a"))
    runner = QueueRunner(unit_of_work, TABLE, [Queue("kind", hang, bench.give_up)])
    runner.start(lambda: bench.wake)
    await began.wait()
    await runner.stop(grace=0.01)
    async with unit_of_work.begin() as tx:
        [piece] = await work.claim(tx, TABLE, "kind", timedelta(minutes=1), 1)
    assert (piece.attempts, piece.failures) == (2, 0), "a restart is no fault of the work"
