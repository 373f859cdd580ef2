"""Background work: it wakes at once, is in one place, outlives errors and lost connections, and ends when asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from support.sample import eventually
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.jobs import Job, JobRunner

NEVER = 3600.0


class Steps:
    """A step that notes when it ran."""

    def __init__(self, results: tuple[int | Exception, ...] = (), takes: float = 0) -> None:
        self.results = list(results)
        self.takes = takes
        self.at: list[float] = []
        self.ended = 0

    async def __call__(self) -> int:
        self.at.append(time.monotonic())
        await asyncio.sleep(self.takes)
        self.ended += 1
        result = self.results.pop(0) if self.results else 0
        if isinstance(result, Exception):
            raise result
        return result

    async def ran(self, times: int) -> None:
        async def often_enough() -> bool:
            return len(self.at) >= times

        await eventually(often_enough, 10)


@asynccontextmanager
async def running(url: str, *jobs: Job, grace: float = 1) -> AsyncIterator[JobRunner]:
    runner = JobRunner(url, jobs)
    await runner.start()
    yield runner
    await runner.stop(grace)


async def listens(url: str, channels: int = 1) -> None:
    """Once the runner's LISTEN connection is up: it is idle and its last words were LISTEN."""

    async def there() -> bool:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            found = await connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
            return await found.fetchone() == (channels,)

    await eventually(there, 10)


async def notify(url: str, channel: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT pg_notify(%s, '')", [channel])


async def test_a_notification_wakes_within_a_tenth_of_a_second(sample_url: str) -> None:
    step = Steps()
    async with running(sample_url, Job("woken", step, NEVER, channel="sample_outbox")):
        await listens(sample_url)
        await asyncio.sleep(0.1)
        before = len(step.at)
        await notify(sample_url, "sample_outbox")
        told = time.monotonic()
        await step.ran(before + 1)
        assert step.at[before] - told < 0.1


async def test_a_job_that_is_busy_when_told_runs_again_even_beside_a_quick_one(sample_url: str) -> None:
    quick, busy = Steps(), Steps(takes=0.3)
    jobs = [Job(name, step, NEVER, channel="shared") for name, step in (("quick", quick), ("busy", busy))]
    async with running(sample_url, *jobs):
        await listens(sample_url)
        await asyncio.sleep(0.8)
        quick_before, busy_before = len(quick.at), len(busy.at)
        await notify(sample_url, "shared")
        await busy.ran(busy_before + 1)
        await notify(sample_url, "shared")
        await quick.ran(quick_before + 2)
        await busy.ran(busy_before + 2)


async def test_a_step_with_work_left_runs_again_at_once(sample_url: str) -> None:
    step = Steps((1, 1, 1))
    async with running(sample_url, Job("backlog", step, NEVER)):
        await step.ran(4)
    assert step.at[-1] - step.at[0] < 0.5
    assert len(step.at) == 4


async def test_a_single_job_runs_in_one_place_at_a_time(sample_url: str) -> None:
    inside = most = 0

    async def step() -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.03)
        inside -= 1
        return 0

    steps = [Steps(), Steps()]

    def counted(own: Steps) -> Callable[[], Awaitable[int]]:
        async def both() -> int:
            await own()
            return await step()

        return both

    jobs = [Job("only", counted(own), 0.005, single=True) for own in steps]
    async with running(sample_url, jobs[0]), running(sample_url, jobs[1]):
        await steps[0].ran(3)
        await steps[1].ran(1)
        await asyncio.sleep(0.3)
    assert most == 1


async def test_many_single_jobs_leave_the_pool_to_their_steps(sample_url: str) -> None:
    """One connection in it, and more jobs than that: none waits for a second one while it holds the first."""
    engine = make_engine(sample_url, pool_size=1, application="one-connection")
    ran: list[str] = []

    def step_of(name: str) -> Callable[[], Awaitable[int]]:
        async def step() -> int:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
            ran.append(name)
            return 0

        return step

    names = [f"single-{number}" for number in range(8)]

    async def all_ran() -> bool:
        return set(ran) == set(names)

    async with running(sample_url, *(Job(name, step_of(name), NEVER, single=True) for name in names)):
        await eventually(all_ran, 3)
    await engine.dispose()


async def test_a_place_that_was_lost_with_its_connection_is_taken_again(sample_url: str) -> None:
    step = Steps()
    async with running(sample_url, Job("only", step, 0.05, single=True)):
        await step.ran(1)
        async with await psycopg.AsyncConnection.connect(sample_url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE '%advisory%' AND pid <> pg_backend_pid()"
            )
        before = len(step.at)
        await step.ran(before + 2)


async def test_the_place_is_free_again_when_its_holder_is_gone(sample_url: str) -> None:
    stuck, free = Steps(takes=30), Steps()
    holder = JobRunner(sample_url, [Job("only", stuck, NEVER, single=True)])
    await holder.start()
    await stuck.ran(1)
    async with running(sample_url, Job("only", free, 0.02, single=True)):
        await asyncio.sleep(0.1)
        assert free.at == []
        await holder.stop(0.05)
        await free.ran(1)


async def test_a_step_that_raises_is_counted_and_tried_again(sample_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whatsinvoice_kit.data.jobs.BACKOFF_SECONDS", 0.05)
    step = Steps((ValueError("once"), OSError("twice"), 0))
    async with running(sample_url, Job("failing", step, 0.01)):
        await step.ran(4)
    assert REGISTRY.get_sample_value("job_failures_total", {"job": "failing"}) == 2
    assert step.at[1] - step.at[0] >= 0.05


async def test_each_job_tells_when_it_last_went_well_and_how_often_it_is_due(sample_url: str) -> None:
    def told(name: str, job: str) -> float:
        value = REGISTRY.get_sample_value(name, {"job": job})
        assert value is not None, "from the start: what never fails and never succeeds is told of as well"
        return value

    good, bad, elsewhere = Steps(), Steps((ValueError(), ValueError())), Steps(takes=0.5)
    jobs = [Job("good", good, 0.1), Job("bad", bad, NEVER), Job("placed", elsewhere, NEVER, single=True)]
    began = time.time()
    async with running(sample_url, jobs[2]):
        await elsewhere.ran(1)
        placed = told("job_last_success_timestamp_seconds", "placed")
        async with running(sample_url, *jobs[:2], Job("placed", Steps(), NEVER, single=True)):
            await asyncio.gather(good.ran(3), bad.ran(1))
            at = {name: told("job_last_success_timestamp_seconds", name) for name in ("good", "bad")}
    assert began <= at["bad"] < at["good"], "one that failed has gone well no more than when it began"
    assert told("job_last_success_timestamp_seconds", "placed") > placed + 0.4, "when its step ended where it ran"
    assert [told("job_interval_seconds", job.name) for job in jobs] == [0.1, NEVER, NEVER]
    assert [told("job_failures_total", name) for name in ("good", "bad")] == [0, 1]


async def test_listening_goes_on_after_its_connection_was_killed(
    sample_url: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_kit.data.jobs.RECONNECT_SECONDS", 0.1)
    step = Steps()
    async with running(sample_url, Job("woken", step, NEVER, channel="sample_outbox")):
        await listens(sample_url)
        await asyncio.sleep(0.1)
        before = len(step.at)
        async with await psycopg.AsyncConnection.connect(sample_url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
        await step.ran(before + 1)  # whatever was missed meanwhile
        await listens(sample_url)
        await asyncio.sleep(0.1)
        before = len(step.at)
        await notify(sample_url, "sample_outbox")
        await step.ran(before + 1)


async def test_stopping_waits_for_the_running_step_and_starts_no_other(sample_url: str) -> None:
    step = Steps((1, 1, 1), takes=0.2)
    async with running(sample_url, Job("long", step, NEVER)):
        await step.ran(1)
    assert (len(step.at), step.ended) == (1, 1)


async def test_a_step_that_does_not_end_in_time_is_cancelled(sample_url: str) -> None:
    step = Steps(takes=30)
    started = time.monotonic()
    async with running(sample_url, Job("endless", step, NEVER), grace=0.1):
        await step.ran(1)
    assert time.monotonic() - started < 2
    assert step.ended == 0
