"""What stands around every request: tokens, errors, sizes, headers, limits, and services that are away."""

import secrets
from typing import Any

import httpx
import pytest
from support.http import served
from support.keys import Keyring
from whatsinvoice_gateway.app import create_app, edged

PROBLEM = {"type", "title", "status", "detail", "instance", "code", "errors", "request_id"}


async def test_every_error_is_a_problem_with_a_code(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    json_headers = {**owner, "Content-Type": "application/json"}
    answers = {
        "TOKEN_MISSING": await gateway.get("/v1/invoices"),
        "TOKEN_INVALID": await gateway.get("/v1/invoices", headers={"Authorization": "Bearer x.y.z"}),
        "ROUTE_NOT_FOUND": await gateway.get("/v1/nothing"),
        "METHOD_NOT_ALLOWED": await gateway.put("/v1/invoices", headers=owner),
        "BODY_MALFORMED": await gateway.post("/v1/invoices", content=b'{"lines": [', headers=json_headers),
        "REQUEST_INVALID": await gateway.post("/v1/invoices", json={"surprise": 1}, headers=owner),
        "INVOICE_NOT_FOUND": await gateway.get("/v1/invoices/inv_nothing", headers=owner),
        "BODY_TOO_LARGE": await gateway.post("/v1/invoices", content=b"x" * 1_100_000, headers=json_headers),
        "CURSOR_INVALID": await gateway.get("/v1/invoices?cursor=nonsense", headers=owner),
        "UPSTREAM_UNAVAILABLE": await gateway.get("/v1/balance", headers=owner),
    }
    for code, answer in answers.items():
        assert answer.headers["content-type"] == "application/problem+json", code
        body = answer.json()
        assert set(body) == PROBLEM
        assert body["code"] == code
        assert body["status"] == answer.status_code
        assert body["request_id"] == answer.headers["x-request-id"]
    statuses = {code: answer.status_code for code, answer in answers.items()}
    assert statuses == {
        "TOKEN_MISSING": 401,
        "TOKEN_INVALID": 401,
        "ROUTE_NOT_FOUND": 404,
        "METHOD_NOT_ALLOWED": 405,
        "BODY_MALFORMED": 400,
        "REQUEST_INVALID": 422,
        "INVOICE_NOT_FOUND": 404,
        "BODY_TOO_LARGE": 413,
        "CURSOR_INVALID": 422,
        "UPSTREAM_UNAVAILABLE": 503,
    }
    assert answers["TOKEN_MISSING"].headers["www-authenticate"] == "Bearer"
    assert int(answers["UPSTREAM_UNAVAILABLE"].headers["retry-after"]) >= 1
    assert answers["METHOD_NOT_ALLOWED"].headers["allow"] == "GET, POST", "of all routes with this path"


async def test_deep_nesting_is_an_error_of_the_sender(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    body = b'{"lines":' + b"[" * 100_000
    answer = await gateway.post("/v1/invoices", content=body, headers={**owner, "Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


async def test_a_request_id_comes_back_and_a_strange_one_is_replaced(gateway: httpx.AsyncClient) -> None:
    known = await gateway.get("/v1/invoices", headers={"X-Request-Id": "abc-123"})
    assert known.headers["x-request-id"] == "abc-123"
    strange = await gateway.get("/v1/invoices", headers={"X-Request-Id": 'abc"<script>'})
    assert strange.headers["x-request-id"].isalnum()


async def test_security_headers_are_on_every_answer(gateway: httpx.AsyncClient) -> None:
    for path in ("/openapi.json", "/v1/invoices", "/nothing", "/i/nothing"):
        answer = await gateway.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


async def test_another_business_gets_404(gateway: httpx.AsyncClient, owner: dict[str, str], keyring: Keyring) -> None:
    body = {"customer": {"name": "Jane"}, "lines": [{"description": "logo", "unit_price_minor": 100}]}
    made = await gateway.post("/v1/invoices", json=body, headers=owner)
    stranger = {"Authorization": f"Bearer {keyring.user_token('biz_01h00000000000000000000000')}"}
    answer = await gateway.get(f"/v1/invoices/{made.json()['id']}", headers=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "INVOICE_NOT_FOUND")


async def test_a_token_without_the_scope_is_not_enough(
    gateway: httpx.AsyncClient, business_id: str, keyring: Keyring
) -> None:
    reader = {"Authorization": f"Bearer {keyring.user_token(business_id, scope='invoices:read')}"}
    answer = await gateway.post("/v1/customers", json={"name": "Jane"}, headers=reader)
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ALLOWED")


async def test_the_key_set_is_public(gateway: httpx.AsyncClient, keyring: Keyring) -> None:
    answer = await gateway.get("/.well-known/jwks.json")
    assert [key["kid"] for key in answer.json()["keys"]] == [keyring.users["kid"]]
    assert "d" not in answer.json()["keys"][0]


async def test_weak_registrations_are_refused_with_the_rule(gateway: httpx.AsyncClient) -> None:
    body = {"phone": f"080{secrets.randbelow(90_000_000) + 10_000_000}", "name": "Ada", "password": "short"}
    answer = await gateway.post("/v1/auth/register", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "PASSWORD_WEAK")
    assert {error["code"] for error in answer.json()["errors"]} == {
        "PASSWORD_LENGTH",
        "PASSWORD_NO_UPPER",
        "PASSWORD_NO_DIGIT",
    }


@pytest.mark.parametrize("redis_away", [False, True])
async def test_logins_are_limited_per_address_also_while_redis_is_away(
    stack: Any, redis_url: str, keyring: Keyring, redis_away: bool, settings_for: Any
) -> None:
    limited = settings_for(login_limit="3/minute", redis_url="redis://:x@127.0.0.1:1/0" if redis_away else redis_url)
    app = edged(create_app(limited, keyring.services["gateway"]), limited)
    body = {"phone": "+2347010000009", "password": "Wrong1234"}
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        forwarded = [{"X-Forwarded-For": f"10.0.0.{n}"} for n in range(5)]  # from outside: not looked at
        answers = [await client.post("/v1/auth/login", json=body, headers=headers) for headers in forwarded]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert answers[-1].json()["code"] == "RATE_LIMITED"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].headers["ratelimit-limit"] == "3"
