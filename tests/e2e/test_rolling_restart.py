"""A rolling restart of every service under load fails no request, and each process ends in time (D1). `make faults`.

Two of each run, as on a cluster. Whoever sends a request asks which gateways are ready ten times a second, as an
ingress does, and sends it to one of these, once.
"""

import asyncio
import itertools
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio
from support.replicas import Replica, Replicas
from whatsinvoice_local.demo.play import STEPS
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
DRAIN_DELAY = 2.0
WORKERS = 6
ORDER = {
    "customer": {"name": "Jane Okafor", "phone": "+2348012345678"},
    "lines": [{"description": "logo design", "quantity": "1", "unit_price_minor": 10_000}],
    "issue": True,
}


@dataclass
class Load:
    """Requests that go on until told to stop: reads, writes with a key, and the public page."""

    gateways: list[Replica]
    token: str
    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    running: bool = True

    async def watch(self, client: httpx.AsyncClient) -> None:
        while self.running:
            await asyncio.gather(*(gateway.look(client) for gateway in self.gateways))
            await asyncio.sleep(0.1)

    async def work(self, client: httpx.AsyncClient) -> None:
        headers, page = {"Authorization": f"Bearer {self.token}"}, ""
        for number in itertools.count():
            if not self.running:
                return
            ready = [gateway for gateway in self.gateways if gateway.ready]
            base = f"http://127.0.0.1:{ready[number % len(ready)].port}"
            if number % 3 == 0 or not page:
                key = {"Idempotency-Key": secrets.token_hex(8)}
                answer = await self._send(client, "POST", f"{base}/v1/invoices", headers | key, ORDER)
                page = answer.json()["public_url"].rpartition("/i/")[2] if answer and answer.is_success else page
            elif number % 3 == 1:
                await self._send(client, "GET", f"{base}/v1/invoices?limit=5", headers)
            else:
                await self._send(client, "GET", f"{base}/i/{page}", {})

    async def _send(
        self, client: httpx.AsyncClient, method: str, url: str, headers: dict[str, str], body: object = None
    ) -> httpx.Response | None:
        started = time.monotonic()
        try:
            answer = await client.request(method, url, headers=headers, json=body)
        except httpx.HTTPError as error:
            self.failures.append(f"{method} {url}: {error!r}")
            return None
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.answers[answer.status_code] += 1
        if answer.status_code not in {200, 201}:
            self.failures.append(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
        return answer


@pytest_asyncio.fixture
async def replicas(new_stack: Callable[..., Stack]) -> AsyncIterator[tuple[Stack, Replicas]]:
    stack = new_stack(GATEWAY_READ_QUOTA="1000000/minute", GATEWAY_WRITE_QUOTA="1000000/minute")
    assert await asyncio.to_thread(stack.up)
    found = Replicas(stack, DRAIN_DELAY)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await found.start(client)
        yield stack, found
    finally:
        await asyncio.to_thread(found.stop)


def _token(stack: Stack) -> str:
    """A merchant's, whose business the services know."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder / "demo")
    for step in itertools.takewhile(lambda step: step.act is not Story.open_pay_page, STEPS):
        story.deadline = time.monotonic() + 3 * step.seconds
        step.act(story)
    story.close()
    return story.token


async def test_no_request_fails_while_every_process_is_restarted(
    replicas: tuple[Stack, Replicas], figure: Callable[[str], None]
) -> None:
    stack, found = replicas
    token = await asyncio.to_thread(_token, stack)
    load = Load([replica for replica in found.all if replica.part == "gateway"], token)
    ends: dict[str, float] = {}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client, asyncio.TaskGroup() as tasks:
        for gateway in load.gateways:
            await gateway.look(client)
        tasks.create_task(load.watch(client))
        for _ in range(WORKERS):
            tasks.create_task(load.work(client))
        for replica in found.all:
            replica.ask_to_end()
            ends[f"{replica.part}:{replica.port}"] = await replica.ended()
            replica.start()
            await replica.until_ready(client)
            await asyncio.sleep(1)  # until the others have found it
        load.running = False
    figure(
        f"{sum(load.answers.values())} requests while {len(ends)} processes restarted: {len(load.failures)} failed, "
        f"{dict(load.answers)}, the slowest took {load.slowest:.2f} s; the last process to end took "
        f"{max(ends.values()):.1f} s after SIGTERM, {DRAIN_DELAY:g} s of them still serving"
    )
    assert load.failures == []
    assert sum(load.answers.values()) > 300
    assert max(ends.values()) < 25
