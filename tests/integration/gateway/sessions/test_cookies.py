"""The refresh token as a cookie: asked for, renewed, used only where nothing else brings a token, taken away."""

from collections.abc import AsyncIterator, Awaitable, Callable
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest
from support.http import served
from support.identity import PASSWORD, a_phone, register
from support.keys import Keyring
from whatsinvoice_gateway.app import create_app, edged

NAME = "refresh_token"


@pytest.fixture
async def client(settings_for: Any, keyring: Keyring) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_for(refresh_limit="1000/minute", account_limit="1000/minute")
    app = edged(create_app(settings, keyring.services["gateway"]), settings)
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture
async def log_in(client: httpx.AsyncClient, stack: Any) -> Callable[..., Awaitable[httpx.Response]]:
    """A function that opens a session of one merchant."""
    phone = a_phone()
    await register(client, stack.auth, phone)

    async def enter(**more: Any) -> httpx.Response:
        answer = await client.post("/v1/auth/login", json={"phone": phone, "password": PASSWORD, **more})
        return answer.raise_for_status()

    return enter


def cookie_of(answer: httpx.Response) -> Morsel[str]:
    """The one cookie that an answer sets."""
    [line] = answer.headers.get_list("set-cookie")
    return SimpleCookie(line)[NAME]


def kept(value: str) -> dict[str, str]:
    return {"Cookie": f"{NAME}={value}"}


async def test_the_cookie_is_set_only_when_asked_for_and_out_of_reach_of_scripts(
    log_in: Callable[..., Awaitable[httpx.Response]],
) -> None:
    plain = await log_in()
    assert "set-cookie" not in plain.headers
    assert plain.json()["refresh_token"]
    asked = await log_in(cookie=True)
    assert asked.json()["refresh_token"] is None
    morsel = cookie_of(asked)
    assert (morsel["httponly"], morsel["secure"], morsel["samesite"].lower()) == (True, True, "lax")
    assert (morsel["path"], morsel["domain"], morsel["max-age"]) == ("/v1/auth", "", str(30 * 24 * 3600))
    assert asked.headers["cache-control"] == "no-store"


async def test_refresh_takes_the_cookie_and_renews_it(
    client: httpx.AsyncClient, log_in: Callable[..., Awaitable[httpx.Response]]
) -> None:
    first = cookie_of(await log_in(cookie=True)).value
    device = {"X-Device-Id": "browser"}
    bodies: tuple[dict[str, Any], ...] = ({}, {"json": {}})
    for body in bodies:
        answer = await client.post("/v1/auth/refresh", headers=kept(first) | device, **body)
        assert (answer.status_code, answer.json()["refresh_token"]) == (200, None)
    second = cookie_of(answer).value
    assert second != first
    owner = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await client.get("/v1/me", headers=owner)).status_code == 200
    spent = await client.post("/v1/auth/refresh", headers=kept(first) | {"X-Device-Id": "thief"})
    assert (spent.status_code, spent.json()["code"]) == (401, "REFRESH_TOKEN_REUSED")


async def test_the_body_goes_before_the_cookie(
    client: httpx.AsyncClient, log_in: Callable[..., Awaitable[httpx.Response]]
) -> None:
    cookie, token = cookie_of(await log_in(cookie=True)).value, (await log_in()).json()["refresh_token"]
    answer = await client.post("/v1/auth/refresh", json={"refresh_token": token}, headers=kept(cookie))
    assert answer.json()["refresh_token"] not in (None, token)
    assert "set-cookie" not in answer.headers
    moved = await client.post(
        "/v1/auth/refresh", json={"refresh_token": answer.json()["refresh_token"], "cookie": True}
    )
    assert moved.json()["refresh_token"] is None
    assert cookie_of(moved).value not in (cookie, token)
    assert (await client.post("/v1/auth/refresh", headers=kept(cookie))).status_code == 200, "not touched until now"


async def test_refresh_without_either_and_with_a_wrong_one(client: httpx.AsyncClient) -> None:
    for headers in ({}, kept(""), kept("nonsense")):
        answer = await client.post("/v1/auth/refresh", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "REFRESH_TOKEN_INVALID")
    assert (await client.post("/v1/auth/refresh", headers=kept("x" * 200))).status_code == 422


@pytest.mark.parametrize("bearer", [True, False], ids=["with the access token", "with the cookie alone"])
async def test_logout_ends_the_session_and_takes_the_cookie_away(
    client: httpx.AsyncClient, log_in: Callable[..., Awaitable[httpx.Response]], bearer: bool
) -> None:
    entered = await log_in(cookie=True)
    cookie, owner = cookie_of(entered).value, {"Authorization": f"Bearer {entered.json()['access_token']}"}
    other = (await log_in()).json()
    answer = await client.post("/v1/auth/logout", headers=kept(cookie) | (owner if bearer else {}))
    assert answer.status_code == 204
    gone = cookie_of(answer)
    assert (gone.value, gone["max-age"], gone["path"], gone["secure"]) == ("", "0", "/v1/auth", True)
    assert (await client.post("/v1/auth/refresh", headers=kept(cookie))).status_code == 401
    body = {"refresh_token": other["refresh_token"]}
    assert (await client.post("/v1/auth/refresh", json=body)).status_code == 200, "another session goes on"
    again = await client.post("/v1/auth/logout", headers=kept(cookie))
    assert (again.status_code, cookie_of(again).value) == (204, ""), "nothing is left to be ended"


async def test_the_cookie_opens_nothing_else(
    client: httpx.AsyncClient, log_in: Callable[..., Awaitable[httpx.Response]]
) -> None:
    cookie = kept(cookie_of(await log_in(cookie=True)).value)
    assert (await client.post("/v1/auth/logout")).status_code == 401
    answers = [
        await client.get("/v1/me", headers=cookie),
        await client.get("/v1/auth/sessions", headers=cookie),
        await client.post("/v1/auth/logout-all", headers=cookie),
        await client.post("/v1/auth/logout", headers=cookie | {"Authorization": "Bearer nonsense"}),
        await client.post("/v1/customers", json={"name": "Jane"}, headers=cookie),
    ]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert (await client.post("/v1/auth/refresh", headers=cookie)).status_code == 200
