"""Two gateway processes side by side: keys, limits and endings hold across them, also while Redis is away."""

import asyncio
import secrets
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from support import identity
from support.gateways import gateway_process
from support.identity import PASSWORD, a_phone
from whatsinvoice_auth.domain.guesses import Allowance
from whatsinvoice_gateway.edge.connections import PatientProtocol
from whatsinvoice_local.backing import start_valkey, stop_valkey

pytestmark = [pytest.mark.slow]

PLENTY = dict.fromkeys(
    ("login_limit", "verify_limit", "code_limit", "account_limit", "refresh_limit", "register_limit"), "100000/minute"
)
Headers = dict[str, str]


@asynccontextmanager
async def _two(settings: Any) -> AsyncIterator[list[httpx.AsyncClient]]:
    async with AsyncExitStack() as opened:
        starting = [opened.enter_async_context(gateway_process(settings)) for _ in range(2)]
        yield [await one for one in starting]


@pytest.fixture
async def gateways(settings_for: Any) -> AsyncIterator[list[httpx.AsyncClient]]:
    async with _two(settings_for(**PLENTY)) as clients:
        yield clients


@dataclass
class Person:
    """Somebody with a phone that is registered."""

    client: httpx.AsyncClient
    phone: str

    async def log_in(self) -> dict[str, str]:
        body = {"phone": self.phone, "password": PASSWORD}
        tokens: dict[str, str] = (await self.client.post("/v1/auth/login", json=body)).raise_for_status().json()
        return tokens

    async def headers(self) -> Headers:
        return {"Authorization": f"Bearer {(await self.log_in())['access_token']}"}


@pytest.fixture
def register(stack: Any) -> Callable[..., Awaitable[Person]]:
    """A function that registers people at a gateway."""

    async def make(client: httpx.AsyncClient) -> Person:
        person = Person(client, a_phone())
        await identity.register(client, stack.auth, person.phone)
        return person

    return make


def _say(line: str) -> None:
    print(line)  # noqa: T201  (figures to be read)


async def _seconds_until_refused(client: httpx.AsyncClient, headers: Headers, since: float) -> float:
    async with asyncio.timeout(5):
        while (answer := await client.get("/v1/me", headers=headers)).status_code == 200:  # noqa: ASYNC110  (told by a stream)
            await asyncio.sleep(0.005)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_REVOKED")
    return time.monotonic() - since


async def _until_refused_by_both(gateways: list[httpx.AsyncClient], headers: Headers, since: float) -> list[float]:
    return await asyncio.gather(*(_seconds_until_refused(client, headers, since) for client in gateways))


async def test_a_hundred_parallel_posts_with_one_key_make_one_row(
    gateways: list[httpx.AsyncClient], stack: Any, business_id: str, owner: Headers
) -> None:
    body = {"customer": {"name": "Jane"}, "lines": [{"description": "logo", "unit_price_minor": 100}]}
    keyed = owner | {"Idempotency-Key": secrets.token_hex(8)}
    posts = [gateways[number % 2].post("/v1/invoices", json=body, headers=keyed) for number in range(100)]
    answers = await asyncio.gather(*posts)
    statuses = Counter((answer.status_code, answer.headers.get("idempotent-replayed")) for answer in answers)
    async with stack.invoices.unit_of_work.begin() as tx:
        query = text("SELECT count(*) FROM invoices.invoices WHERE business_id = :id")
        rows = (await tx.execute(query, {"id": business_id})).scalar_one()
    _say(f"100 parallel POSTs, one key, two processes: {rows} row; (status, replayed): {dict(statuses)}")
    assert rows == 1
    assert statuses[201, None] == 1
    assert set(statuses) <= {(201, None), (201, "true"), (409, None)}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"IDEMPOTENCY_KEY_IN_USE"}
    other = await gateways[1].post("/v1/invoices", json=body | {"notes": "more"}, headers=keyed)
    assert other.status_code == 422


async def _guess(gateways: list[httpx.AsyncClient], times: int) -> Counter[int]:
    """Guess the passwords of so many phones, by turns at both."""
    bodies = ({"phone": a_phone(), "password": "Wrong1234"} for _ in range(times))
    posts = [await gateways[number % 2].post("/v1/auth/login", json=body) for number, body in enumerate(bodies)]
    return Counter([answer.status_code for answer in posts])


@pytest.fixture
def own_redis(backing_folder: Path) -> Iterator[tuple[Path, str]]:
    folder = backing_folder / "redis-of-two-processes"
    yield folder, start_valkey(folder).url
    stop_valkey(folder)


async def test_guessing_a_password_is_limited_across_processes_and_in_each_without_redis(
    settings_for: Any, own_redis: tuple[Path, str]
) -> None:
    """Without Redis an address has its limit at each process: two of them, so twice ten, and no more in any minute."""
    folder, url = own_redis
    async with _two(settings_for(**PLENTY | {"login_limit": "10/minute"}, redis_url=url)) as gateways:
        shared = await _guess(gateways, 40)
        stop_valkey(folder)
        alone = await _guess(gateways, 60)
        again = await _guess(gateways, 20)
    _say(f"passwords guessed at two processes, 10 a minute: with Redis {dict(shared)}, without {dict(alone)}")
    assert shared == {401: 10, 429: 30}
    assert alone == {401: 20, 429: 40}
    assert again == {429: 20}


@pytest.mark.parametrize("with_redis", [True, False], ids=["with Redis", "without Redis"])
async def test_guesses_at_a_code_are_limited_whatever_the_gateways_count(
    settings_for: Any, stack: Any, own_redis: tuple[Path, str], with_redis: bool
) -> None:
    """Tries are counted in auth's database: the same with and without Redis, at one process or at two."""
    folder, url = own_redis
    async with _two(settings_for(**PLENTY, redis_url=url)) as gateways:
        if not with_redis:
            stop_valkey(folder)
        body = {"phone": a_phone(), "name": "Ada Obi", "password": PASSWORD}
        asked = (await gateways[0].post("/v1/auth/register", json=body)).json()["verification"]["id"]
        right = identity.code_of(stack.auth, asked)
        wrong = f"{(int(right) + 1) % 1_000_000:06}"
        statuses = [
            (
                await gateways[number % 2].post("/v1/auth/verify-phone", json={"verification_id": asked, "code": code})
            ).status_code
            for number, code in enumerate([*[wrong] * 5, right])
        ]
    assert statuses[:5] == [422] * 5
    assert statuses[5] in (422, 429)


async def test_a_logout_and_a_revoked_key_are_seen_by_the_other_process_within_a_second(
    gateways: list[httpx.AsyncClient], register: Any
) -> None:
    person = await register(gateways[0])
    times: dict[str, list[float]] = {"logout": [], "revoked key": []}
    stays = await person.headers()
    for _ in range(5):
        session = await identity.confirm(gateways[0], await person.headers())
        body = {"name": "till", "scopes": ["business:read"]}
        made = (await gateways[0].post("/v1/api-keys", json=body, headers=session)).json()
        key = {"Authorization": f"Bearer {made['key']}"}
        for client in gateways:
            for headers, path in ((session, "/v1/me"), (key, "/v1/business")):
                assert (await client.get(path, headers=headers)).status_code == 200
        since = time.monotonic()
        assert (await gateways[0].delete(f"/v1/api-keys/{made['id']}", headers=session)).status_code == 204
        times["revoked key"].append(await _seconds_until_refused(gateways[1], key, since))
        since = time.monotonic()
        assert (await gateways[0].post("/v1/auth/logout", headers=session)).status_code == 204
        times["logout"].append(await _seconds_until_refused(gateways[1], session, since))
    for what, found in times.items():
        _say(f"{what} refused by the other process after {[round(second * 1000) for second in found]} ms")
        assert max(found) < 1
    assert (await gateways[1].get("/v1/me", headers=stays)).status_code == 200


async def test_a_reused_refresh_token_ends_its_family_at_both_processes_within_a_second(
    gateways: list[httpx.AsyncClient], register: Any
) -> None:
    person = await register(gateways[0])
    stays = await person.headers()
    for _ in range(3):
        tokens = await person.log_in()
        body = {"refresh_token": tokens["refresh_token"]}
        child = (await gateways[0].post("/v1/auth/refresh", json=body, headers={"X-Device-Id": "own"})).json()
        family = {"Authorization": f"Bearer {child['access_token']}"}
        assert [(await client.get("/v1/me", headers=family)).status_code for client in gateways] == [200, 200]
        since = time.monotonic()
        thief = await gateways[1].post("/v1/auth/refresh", json=body, headers={"X-Device-Id": "thief"})
        assert (thief.status_code, thief.json()["code"]) == (401, "REFRESH_TOKEN_REUSED")
        found = await _until_refused_by_both(gateways, family, since)
        _say(f"family dead at both processes after {[round(second * 1000) for second in found]} ms")
        assert max(found) < 1
        dead = {"refresh_token": child["refresh_token"]}
        assert (await gateways[0].post("/v1/auth/refresh", json=dead)).status_code == 401
    assert (await gateways[1].get("/v1/me", headers=stays)).status_code == 200


async def test_a_process_has_no_patience_for_half_a_request(gateways: list[httpx.AsyncClient]) -> None:
    """The deadlines of edge/connections.py, as they are deployed."""
    url = gateways[0].base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /v1/me HTTP/1.1\r\nHost: x\r\n")
    since = time.monotonic()
    async with asyncio.timeout(PatientProtocol.head_seconds + 5):
        assert await reader.read() == b""
    assert time.monotonic() - since > PatientProtocol.head_seconds - 1
    writer.close()


def _shape(seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=10)
    values = [min(seconds), cuts[0], statistics.median(seconds), cuts[8], max(seconds)]
    return " / ".join(f"{value * 1000:.1f}" for value in values)


def _rank_z(one: list[float], other: list[float]) -> float:
    """How far two samples are from being of one distribution (Mann-Whitney), in standard deviations."""
    ranks = {value: rank for rank, value in enumerate(sorted(one + other), 1)}
    m, n = len(one), len(other)
    u = sum(ranks[value] for value in one) - m * (m + 1) / 2
    return float((u - m * n / 2) / (m * n * (m + n + 1) / 12) ** 0.5)


async def test_logging_in_does_not_tell_whether_a_phone_is_known(
    gateways: list[httpx.AsyncClient], register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("service.guessing.PHONE", "service.guessing.DEVICE", "domain.guesses.ADDRESS"):
        monkeypatch.setattr(f"whatsinvoice_auth.{name}", Allowance(10_000, 10_000))
    known = (await register(gateways[0])).phone
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    texts = set()
    for number in range(160):
        kind = ("known", "unknown")[number % 2]
        body = {"phone": known if kind == "known" else a_phone(), "password": "Wrong1234"}
        started = time.perf_counter()
        answer = await gateways[0].post("/v1/auth/login", json=body)
        times[kind].append(time.perf_counter() - started)
        problem = answer.json()
        problem.pop("request_id")
        texts.add((answer.status_code, str(problem)))
    for kind, found in times.items():
        _say(f"login, {kind} phone, {len(found)} times: min / p10 / p50 / p90 / max = {_shape(found)} ms")
    z = _rank_z(times["known"], times["unknown"])
    _say(f"the two differ by {z:.1f} standard deviations of a rank test")
    assert len(texts) == 1
    assert abs(z) < 4
