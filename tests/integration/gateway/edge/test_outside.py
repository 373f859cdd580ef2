"""What the world outside may tell the gateway: proxies, origins, and headers that claim who somebody is (T4)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from support.http import served
from support.keys import Keyring
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.settings import Settings
from whatsinvoice_kit.config.settings import EXIT_CONFIG
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.observe.health import OpsServer

PROXY = {"trusted_proxies": "127.0.0.0/8, 10.0.0.7"}
ORIGIN = "https://app.shop.test"


@asynccontextmanager
async def _gateway(settings: Settings, keyring: Keyring) -> AsyncIterator[httpx.AsyncClient]:
    app = edged(create_app(settings, keyring.services["gateway"]), settings)
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


async def test_production_speaks_https_alone(settings_for: Any, keyring: Keyring) -> None:
    async with _gateway(settings_for(app_env="prod", **PROXY), keyring) as client:
        address = {"Host": "api.shop.test"}
        plain, tls = address | {"X-Forwarded-Proto": "http"}, address | {"X-Forwarded-Proto": "https"}
        for method in ("GET", "HEAD", "POST", "DELETE"):
            for headers in (plain, address):
                answer = await client.request(method, "/v1/me?a=%20b", headers=headers)
                assert answer.status_code == 308
                assert answer.headers["location"] == "https://api.shop.test/v1/me?a=%20b"
                assert answer.headers["x-frame-options"] == "DENY"
                assert "strict-transport-security" not in answer.headers
        secure = await client.get("/v1/me", headers=tls)
        assert secure.status_code == 401
        assert secure.headers["strict-transport-security"].startswith("max-age=63072000")
        strange = await client.get("/v1/me", headers={"Host": "shop.test/evil?", "X-Forwarded-Proto": "http"})
        assert (strange.status_code, "location" in strange.headers) == (400, False)
        for probe in ("/healthz", "/readyz"):
            assert (await client.get(probe)).status_code == 404, "not here in prod, and not somewhere else"


async def test_probes_of_the_ops_port_are_not_redirected() -> None:
    async def alive() -> None:
        pass

    ops = OpsServer("127.0.0.1", 0, alive)
    await ops.start()
    ops.ready = True
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ops.port}") as client:
        assert [(await client.get(path)).status_code for path in ("/healthz", "/readyz")] == [200, 200]
    await ops.stop()


async def test_a_stranger_cannot_claim_https(settings_for: Any, keyring: Keyring) -> None:
    async with _gateway(settings_for(app_env="prod", trusted_proxies="10.0.0.0/8"), keyring) as client:
        answer = await client.get("/v1/me", headers={"X-Forwarded-Proto": "https"})
        assert (answer.status_code, "strict-transport-security" in answer.headers) == (308, False)


async def test_development_is_left_on_http(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/v1/me")
    assert (answer.status_code, "strict-transport-security" in answer.headers) == (401, False)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "statuses"),
    [
        (PROXY["trusted_proxies"], [f"203.0.113.{n}" for n in range(4)], [401] * 4),
        (PROXY["trusted_proxies"], [f"203.0.113.{n}, 198.51.100.9" for n in range(4)], [401, 401, 429, 429]),
        (PROXY["trusted_proxies"], [f"203.0.113.{n}, 198.51.100.8, 10.0.0.7" for n in range(4)], [401, 401, 429, 429]),
        (PROXY["trusted_proxies"], [f"2001:db8:1:2::{n}" for n in range(4)], [401, 401, 429, 429]),
        (PROXY["trusted_proxies"], [f"::ffff:203.0.113.{n}" for n in range(4)], [401] * 4),
        ("10.0.0.0/8", [f"203.0.113.{n}" for n in range(4)], [401, 401, 429, 429]),
        ("", [f"203.0.113.{n}" for n in range(4)], [401, 401, 429, 429]),
    ],
    ids=[
        "behind a proxy",
        "forged before the proxy",
        "two proxies",
        "one /64 of IPv6",
        "IPv4 within IPv6",
        "not from a proxy",
        "no proxy",
    ],
)
async def test_limits_count_the_address_that_a_trusted_proxy_saw(
    settings_for: Any, keyring: Keyring, proxies: str, forwarded: list[str], statuses: list[int]
) -> None:
    memory = "redis://:x@127.0.0.1:1/0"  # each case counts from nothing
    settings = settings_for(login_limit="2/minute", trusted_proxies=proxies, redis_url=memory)
    body = {"phone": "+2347010000009", "password": "Wrong1234"}
    async with _gateway(settings, keyring) as client:
        found = [
            (await client.post("/v1/auth/login", json=body, headers={"X-Forwarded-For": value})).status_code
            for value in forwarded
        ]
    assert found == statuses


async def test_who_calls_is_told_by_the_token_alone(
    gateway: httpx.AsyncClient, owner: dict[str, str], business_id: str, keyring: Keyring
) -> None:
    made = await gateway.post("/v1/customers", json={"name": "Jane"}, headers=owner)
    claims = {
        "X-User-Id": "usr_0123456789abcdefghjkmnpqrs",
        "X-Business-Id": business_id,
        "X-Tenant-Id": business_id,
        "X-Scopes": "invoices:read",
        "X-Forwarded-User": "usr_0123456789abcdefghjkmnpqrs",
        "X-Original-Url": "/i/anything",
        "X-Http-Method-Override": "GET",
        "Forwarded": "for=127.0.0.1;proto=https",
        "Grpc-Metadata-Authorization": owner["Authorization"],
    }
    path = f"/v1/customers/{made.json()['id']}"
    assert (await gateway.get(path, headers=owner)).status_code == 200
    assert (await gateway.get(path, headers=claims)).status_code == 401
    stranger = {"Authorization": f"Bearer {keyring.user_token(new_id('biz'))}"}
    alone, claiming = [await gateway.get(path, headers=headers) for headers in (stranger, stranger | claims)]
    assert alone.status_code != 200
    assert (claiming.status_code, claiming.json()["code"]) == (alone.status_code, alone.json()["code"])


async def _asked_by(client: httpx.AsyncClient, origin: str) -> tuple[httpx.Response, httpx.Response]:
    """A preflight and the call itself, as a browser sends them."""
    asking = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }
    preflight = await client.options("/v1/invoices", headers={"Origin": origin, **asking})
    return preflight, await client.get("/v1/invoices", headers={"Origin": origin})


async def test_no_origin_is_allowed_unless_configured(gateway: httpx.AsyncClient) -> None:
    for answer in await _asked_by(gateway, ORIGIN):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_configured_origins_and_no_others_may_call(settings_for: Any, keyring: Keyring) -> None:
    settings = settings_for(cors_origins=f"{ORIGIN}, http://localhost:3000", cors_credentials=True)
    async with _gateway(settings, keyring) as client:
        preflight, call = await _asked_by(client, ORIGIN)
        assert (preflight.status_code, call.status_code) == (200, 401)
        for answer in (
            preflight,
            call,
            await client.post("/v1/invoices", content=b"x" * 1_100_000, headers={"Origin": ORIGIN}),
        ):
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "Origin" in answer.headers["vary"]
        assert "RateLimit-Remaining" in call.headers["access-control-expose-headers"]
        for stranger in ("https://evil.test", f"{ORIGIN}.evil.test", "http://app.shop.test", "null"):
            preflight, call = await _asked_by(client, stranger)
            assert preflight.status_code == 400
            assert not {"access-control-allow-origin"} & {*preflight.headers, *call.headers}


GOOD = {
    "APP_ENV": "prod",
    "REDIS_URL": "rediss://:a-redis-word-of-the-tests@redis:6379/0",
    "TRUSTED_PROXIES": "10.0.0.0/8",
    **{f"{name}_GRPC": "somewhere:50051" for name in ("AUTH", "INVOICES", "PAYMENTS", "NOTIFICATIONS")},
}


def _problems(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **changes: str) -> set[str]:
    """What the gateway refuses beyond what all programs do."""
    for name, value in (GOOD | changes).items():
        monkeypatch.setenv(f"GATEWAY_{name}" if name != "APP_ENV" else name, value)
    with pytest.raises(SystemExit) as end:
        Settings.load()
    assert end.value.code == EXIT_CONFIG
    said = {line.removeprefix("gateway: ") for line in capsys.readouterr().err.splitlines()}
    return {line for line in said if not line.startswith(("SERVICE_KEY", "TRUSTED_KEYS", "RPC_TLS"))}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"CORS_ORIGINS": "*"}, []),
        ({"CORS_ORIGINS": ORIGIN, "CORS_CREDENTIALS": "1"}, []),
        (
            {"CORS_ORIGINS": f"{ORIGIN} *", "CORS_CREDENTIALS": "1"},
            ["CORS_ORIGINS is * while CORS_CREDENTIALS is on"],
        ),
        ({"CORS_ORIGINS": f"{ORIGIN}/path"}, ["CORS_ORIGINS: "]),
        ({"TRUSTED_PROXIES": ""}, ["TRUSTED_PROXIES is missing"]),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, ["TRUSTED_PROXIES trusts every address"]),
        ({"TRUSTED_PROXIES": "10.0.0.7,::/0"}, ["TRUSTED_PROXIES trusts every address"]),
        ({"TRUSTED_PROXIES": "the-proxy"}, ["TRUSTED_PROXIES: "]),
        ({"TRUSTED_PROXIES": "10.0.0.7/8"}, ["TRUSTED_PROXIES: "]),
        ({"READ_QUOTA": "many", "WRITE_QUOTA": "7"}, ["READ_QUOTA: ", "WRITE_QUOTA: "]),
        (
            {
                "CORS_ORIGINS": "*",
                "CORS_CREDENTIALS": "yes",
                "TRUSTED_PROXIES": "",
                "PORT": "http",
                "REDIS_URL": "redis://r",
            },
            ["CORS_ORIGINS is *", "TRUSTED_PROXIES is missing", "PORT: ", "REDIS_URL has no", "REDIS_URL is not"],
        ),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_each_unsafe_value_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: list[str]
) -> None:
    found = _problems(monkeypatch, capsys, **changes)
    assert len(found) == len(said), found
    for sentence in said:
        assert any(line.startswith(sentence) for line in found), found
