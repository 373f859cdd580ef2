"""Sessions, API keys, members and limits at the front door, through two gateways in front of one auth."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from support import identity
from support.http import served
from support.identity import PASSWORD, a_phone
from support.keys import Keyring
from support.services import bearer, channel_to
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice_auth.__main__ import SPEC as AUTH
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_kit.runtime import Process

PLENTY = dict.fromkeys(("verify_limit", "code_limit", "account_limit", "refresh_limit"), "1000/minute")


@asynccontextmanager
async def _gateway(settings: Any, keyring: Keyring) -> AsyncIterator[httpx.AsyncClient]:
    app = edged(create_app(settings, keyring.services["gateway"]), settings)
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture
async def gateways(settings_for: Any, keyring: Keyring) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two gateways that know nothing of each other."""
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(_gateway(settings_for(**PLENTY), keyring)) for _ in range(2)]


@dataclass
class Merchant:
    """A registered merchant at one gateway."""

    client: httpx.AsyncClient
    phone: str

    async def log_in(self, **more: str) -> dict[str, str]:
        body = {"phone": self.phone, "password": PASSWORD, **more}
        tokens: dict[str, str] = (await self.client.post("/v1/auth/login", json=body)).raise_for_status().json()
        return tokens

    async def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {(await self.log_in(**more))['access_token']}"}

    async def fresh_headers(self) -> dict[str, str]:
        return await identity.confirm(self.client, await self.headers())


@pytest.fixture
def register(gateways: list[httpx.AsyncClient], stack: Any) -> Callable[[], Awaitable[Merchant]]:
    """A function that makes merchants."""

    async def make() -> Merchant:
        phone = a_phone()
        await identity.register(gateways[0], stack.auth, phone)
        return Merchant(gateways[0], phone)

    return make


@pytest.fixture
async def merchant(register: Callable[[], Awaitable[Merchant]]) -> Merchant:
    return await register()


async def _refused(client: httpx.AsyncClient, headers: dict[str, str], path: str = "/v1/me") -> float:
    """Waits until the gateway refuses what it took before; gives after how many seconds it was last sent and taken."""
    started, taken = time.monotonic(), 0.0
    async with asyncio.timeout(5):
        while True:
            sent = time.monotonic()
            answer = await client.get(path, headers=headers)
            if answer.status_code != 200:
                break
            taken = sent - started
            await asyncio.sleep(0.005)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_REVOKED")
    return taken


async def test_logging_out_at_one_gateway_ends_the_session_at_the_other_within_a_second(
    gateways: list[httpx.AsyncClient], merchant: Merchant
) -> None:
    gone, stays = await merchant.headers(), await merchant.headers()
    for client in gateways:
        assert (await client.get("/v1/me", headers=gone)).status_code == 200
    assert (await gateways[0].post("/v1/auth/logout", headers=gone)).status_code == 204
    seconds = await _refused(gateways[1], gone)
    print(f"logout refused at the other gateway after {seconds * 1000:.0f} ms")  # noqa: T201  (a figure to be read)
    assert seconds < 1
    assert await _refused(gateways[0], gone) < 1
    assert (await gateways[1].get("/v1/me", headers=stays)).status_code == 200


async def test_a_reused_refresh_token_kills_its_family_and_its_access_tokens_within_a_second(
    gateways: list[httpx.AsyncClient], merchant: Merchant
) -> None:
    tokens = await merchant.log_in()

    async def refresh(device: str) -> httpx.Response:
        body = {"refresh_token": tokens["refresh_token"]}
        return await gateways[0].post("/v1/auth/refresh", json=body, headers={"X-Device-Id": device})

    child = (await refresh("a")).json()
    assert (await refresh("a")).json()["refresh_token"] == child["refresh_token"]
    thief = await refresh("b")
    assert (thief.status_code, thief.json()["code"]) == (401, "REFRESH_TOKEN_REUSED")
    for client in gateways:
        seconds = await _refused(client, {"Authorization": f"Bearer {child['access_token']}"})
        print(f"family dead after {seconds * 1000:.0f} ms")  # noqa: T201  (a figure to be read)
        assert seconds < 1
    dead = await gateways[0].post("/v1/auth/refresh", json={"refresh_token": child["refresh_token"]})
    assert dead.json()["code"] == "REFRESH_TOKEN_INVALID"


async def test_a_changed_password_ends_the_other_sessions_everywhere(
    gateways: list[httpx.AsyncClient], merchant: Merchant
) -> None:
    here, other = await merchant.headers(), await merchant.headers()
    body = {"old_password": PASSWORD, "new_password": "Blue-Kettle-42-Rain"}
    assert (await gateways[0].post("/v1/auth/password/change", json=body, headers=here)).status_code == 204
    assert await _refused(gateways[1], other) < 1
    assert (await gateways[1].get("/v1/auth/sessions", headers=here)).json()["data"][0]["current"] is True


async def test_sessions_can_be_seen_and_ended_one_by_one_or_all(
    gateways: list[httpx.AsyncClient], merchant: Merchant
) -> None:
    here, other = await merchant.headers(), await merchant.headers()
    found = (await gateways[0].get("/v1/auth/sessions", headers=here)).json()["data"]
    assert [session["user_agent"].partition("/")[0] for session in found] == ["python-httpx"] * 2
    [one] = [session["id"] for session in found if not session["current"]]
    assert (await gateways[0].delete(f"/v1/auth/sessions/{one}", headers=here)).status_code == 204
    assert await _refused(gateways[1], other) < 1
    strange = {one: "SESSION_NOT_FOUND", "nonsense": "SESSION_NOT_FOUND", "%00": "ID_NOT_FOUND"}
    for session_id, code in strange.items():
        answer = await gateways[0].delete(f"/v1/auth/sessions/{session_id}", headers=here)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert (await gateways[0].post("/v1/auth/logout-all", headers=here)).status_code == 204
    assert await _refused(gateways[1], here) < 1


async def test_an_api_key_is_a_token_until_it_is_revoked(gateways: list[httpx.AsyncClient], merchant: Merchant) -> None:
    owner = await merchant.fresh_headers()
    body = {"name": "till", "scopes": ["business:read"]}
    keyed = {**owner, "Idempotency-Key": secrets.token_hex(8)}
    first = await gateways[0].post("/v1/api-keys", json=body, headers=keyed)
    again = await gateways[1].post("/v1/api-keys", json=body, headers=keyed)
    assert first.status_code == 201
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    key = {"Authorization": f"Bearer {first.json()['key']}"}
    for client in gateways:
        assert (await client.get("/v1/business", headers=key)).status_code == 200
        for path in ("/v1/auth/sessions", "/v1/api-keys", "/v1/business/members", "/v1/customers"):
            assert (await client.get(path, headers=key)).status_code == 403
    [shown] = (await gateways[0].get("/v1/api-keys", headers=owner)).json()["data"]
    assert shown == {name: value for name, value in first.json().items() if name != "key"}
    assert (await gateways[0].delete(f"/v1/api-keys/{shown['id']}", headers=owner)).status_code == 204
    for client in gateways:
        seconds = await _refused(client, key)
        print(f"revoked key refused after {seconds * 1000:.0f} ms")  # noqa: T201  (a figure to be read)
        assert seconds < 1


async def test_what_is_no_api_key_is_refused(gateways: list[httpx.AsyncClient]) -> None:
    for key in ("wi_", "wi_test_nonsense", "wi_live_" + "a" * 32, "wi_" + "x" * 5000):
        answer = await gateways[0].get("/v1/me", headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "API_KEY_INVALID")


async def test_a_gateway_goes_on_while_auth_is_away_and_catches_up(
    gateways: list[httpx.AsyncClient], merchant: Merchant, stack: Any
) -> None:
    before, later, lives = await merchant.headers(), await merchant.headers(), await merchant.headers()
    await gateways[0].post("/v1/auth/logout", headers=before)
    await _refused(gateways[1], before)
    settings = stack.auth._settings  # noqa: SLF001  (the same service once more)
    port = stack.auth.rpc.port
    await stack.auth.rpc.stop(0)
    for headers, status in ((before, 401), (later, 200), (lives, 200)):
        assert (await gateways[1].get("/v1/invoices", headers=headers)).status_code == status
    elsewhere = Process(AUTH, settings, "api")
    await elsewhere.start()
    async with channel_to(elsewhere) as channel:
        token = later["Authorization"].partition(" ")[2]
        await AuthServiceStub(channel).Logout(auth_pb2.LogoutRequest(), metadata=bearer(token))
    await elsewhere.stop()
    back = Process(AUTH, settings.model_copy(update={"grpc_port": port}), "api")
    await back.start()
    async with asyncio.timeout(10):
        while (await gateways[1].get("/v1/invoices", headers=later)).status_code == 200:  # noqa: ASYNC110  (it reconnects)
            await asyncio.sleep(0.05)
    assert (await gateways[1].get("/v1/me", headers=lives)).status_code == 200
    await back.stop()


async def test_a_business_is_edited_as_it_was_seen(gateways: list[httpx.AsyncClient], merchant: Merchant) -> None:
    owner = await merchant.headers()
    seen = (await gateways[0].get("/v1/business", headers=owner)).headers["etag"]
    first = await gateways[0].patch("/v1/business", json={"name": "Ada & Co"}, headers={**owner, "If-Match": seen})
    assert (first.status_code, first.json()["name"]) == (200, "Ada & Co")
    assert first.headers["etag"] != seen
    for stale in (seen, "nonsense", 'W/"2"'):
        answer = await gateways[0].patch("/v1/business", json={"name": "X"}, headers={**owner, "If-Match": stale})
        assert (answer.status_code, answer.json()["code"]) == (412, "VERSION_STALE")
    unknown = await gateways[0].patch("/v1/business", json={"country": "GH"}, headers=owner)
    assert unknown.status_code == 422


async def test_members_come_change_and_go(
    gateways: list[httpx.AsyncClient], merchant: Merchant, register: Callable[[], Awaitable[Merchant]]
) -> None:
    owner, other = await merchant.fresh_headers(), await register()
    body = {"phone": other.phone, "role": "admin"}
    made = await gateways[0].post("/v1/business/members", json=body, headers=owner | _key())
    assert (made.status_code, made.json()["status"]) == (201, "invited")
    assert (await gateways[0].post("/v1/business/members", json=body, headers=owner | _key())).status_code == 409
    accept = f"/v1/invitations/{made.json()['id']}/accept"
    member = (await gateways[0].post(accept, headers=await other.headers())).raise_for_status().json()
    business_id = (await gateways[0].get("/v1/business", headers=owner)).json()["id"]
    there = await other.headers(business_id=business_id)
    path = f"/v1/business/members/{member['id']}"
    assert (await gateways[0].patch(path, json={"role": "staff"}, headers=owner)).json()["role"] == "staff"
    assert await _refused(gateways[1], there) < 1
    there = await other.headers(business_id=business_id)
    assert (await gateways[1].get("/v1/business/members", headers=there)).status_code == 403
    assert (await gateways[0].delete(path, headers=owner)).status_code == 204
    assert await _refused(gateways[1], there, "/v1/invoices") < 1
    [me] = (await gateways[0].get("/v1/business/members", headers=owner)).json()["data"]
    last = await gateways[0].delete(f"/v1/business/members/{me['id']}", headers=owner)
    assert (last.status_code, last.json()["code"]) == (409, "LAST_OWNER")


async def test_guesses_are_limited_across_gateways(settings_for: Any, keyring: Keyring) -> None:
    settings = settings_for(**(PLENTY | {"login_limit": "5/minute", "verify_limit": "5/minute"}))
    guess = {"phone": a_phone()}
    proof = {"verification_id": "ver_01jzzzzzzzzzzzzzzzzzzzzzzz", "code": "123456"}
    async with _gateway(settings, keyring) as one, _gateway(settings, keyring) as two:
        for path, body, wrong in (
            ("/v1/auth/login", guess | {"password": "Wrong1234"}, 401),
            ("/v1/auth/verify-phone", proof, 422),
        ):
            statuses = [(await client.post(path, json=body)).status_code for client in (one, two) * 4]
            assert statuses == [wrong] * 5 + [429] * 3


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}
