"""Clients that keep a hundred requests a second going, each with a session of its own, refreshed before it ends."""

import asyncio
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
from jose import jwt

from support.identity import PASSWORD, register
from support.system import System

PER_SECOND = 100
AT_ONCE = 40
"""On a machine that others use as well, requests wait for their turn rather than for their deadline."""
ENDED = 4010
"""In the place of 401: the token had ended by the time of the answer, so it was refused rightly."""
PATHS = ("/v1/me", "/v1/invoices", "/v1/me", "/v1/invoices", "/i/nothing")
"""A user's key is checked by auth, by invoices; the gateway's own key by invoices."""


@dataclass
class Client:
    """One session."""

    http: httpx.AsyncClient
    access: str = ""
    refresh_token: str = ""
    since: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, tokens: dict[str, str]) -> None:
        self.access, self.refresh_token, self.since = tokens["access_token"], tokens["refresh_token"], time.monotonic()


@dataclass
class Load:
    """What is asked, and how it was answered: (path, status) -> count."""

    system: System
    refresh_after: float
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    clients: list[Client] = field(default_factory=list)

    async def sign_in(self, phone: str, sessions: int) -> None:
        """Register a merchant and open sessions."""
        http = self.system.client
        await register(http, self.system.processes["auth"], phone)
        for _ in range(sessions):
            answer = await http.post("/v1/auth/login", json={"phone": phone, "password": PASSWORD})
            client = Client(http)
            client.take(answer.raise_for_status().json())
            self.clients.append(client)

    async def run(self, stop: asyncio.Event) -> float:
        """Asks until told to stop, and gives the seconds; answers that are late slow the asking only beyond AT_ONCE."""
        started, asked = time.monotonic(), set()
        for number in itertools.count():
            if stop.is_set():
                break
            await asyncio.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))
            await self.turn.acquire()
            client = self.clients[number % len(self.clients)]
            path = PATHS[number % len(PATHS)]
            task = asyncio.create_task(self._ask(client, path))
            asked.add(task)
            task.add_done_callback(asked.discard)
        seconds = time.monotonic() - started
        await asyncio.gather(*asked)
        return seconds

    async def _ask(self, client: Client, path: str) -> None:
        try:
            async with client.lock:
                if time.monotonic() - client.since > self.refresh_after:
                    await self._refresh(client)
            token = client.access
            answer = await client.http.get(path, headers={"Authorization": f"Bearer {token}"})
        finally:
            self.turn.release()
        ended = answer.status_code == 401 and time.time() >= float(jwt.get_unverified_claims(token)["exp"])
        self.statuses[path, ENDED if ended else answer.status_code] += 1

    async def _refresh(self, client: Client) -> None:
        answer = await client.http.post("/v1/auth/refresh", json={"refresh_token": client.refresh_token})
        self.statuses["/v1/auth/refresh", answer.status_code] += 1
        if answer.status_code == 200:
            client.take(answer.json())
