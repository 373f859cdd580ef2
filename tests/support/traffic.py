"""Traffic for replicas: reads, writes with a key, and the public page, each sent once to a gateway that is ready."""

import asyncio
import itertools
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from whatsinvoice_local.demo.play import STEPS
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack

from support.replicas import Replica

WORKERS = 6
ORDER = {
    "customer": {"name": "Jane Okafor", "phone": "+2348012345678"},
    "lines": [{"description": "logo design", "quantity": "1", "unit_price_minor": 10_000}],
    "issue": True,
}


@dataclass
class Traffic:
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
            self.failures.append(f"{_moment()} {method} {url}: {error!r}")
            return None
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.answers[answer.status_code] += 1
        if answer.status_code not in {200, 201}:
            told = re.sub(r"<style>.*?</style>|<[^>]*>|\s+", " ", answer.text, flags=re.DOTALL)
            self.failures.append(f"{_moment()} {method} {url}: {answer.status_code} {told[-300:]}")
        return answer

    def told(self) -> str:
        """All of it in one line."""
        return (
            f"{sum(self.answers.values())} requests, {len(self.failures)} failed, {dict(self.answers)}, "
            f"the slowest took {self.slowest:.2f} s"
        )


def _moment() -> str:
    """As logs have it, to be looked for there."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@asynccontextmanager
async def traffic(gateways: list[Replica], token: str) -> AsyncIterator[tuple[Traffic, httpx.AsyncClient]]:
    """Goes on until the block ends."""
    found = Traffic(gateways, token)
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client, asyncio.TaskGroup() as tasks:
        for gateway in gateways:
            await gateway.look(client)
        tasks.create_task(found.watch(client))
        for _ in range(WORKERS):
            tasks.create_task(found.work(client))
        yield found, client
        found.running = False


def a_merchants_token(stack: Stack) -> str:
    """A merchant's, whose business the services know."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder / "demo")
    for step in itertools.takewhile(lambda step: step.act is not Story.open_pay_page, STEPS):
        story.deadline = time.monotonic() + 3 * step.seconds
        step.act(story)
    story.close()
    return story.token
