"""S1, F2, F11: a request without a token costs little, whatever its bytes, and bodies hold bounded memory."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.types import Message
from support.keys import Keyring
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.edge.bodies import FORM, INTAKES, JSON, MAX_BODY, MAX_WEBHOOK, Bodies, too_deep
from whatsinvoice_gateway.settings import Settings

CPU_SECONDS = 0.05
TRIES = 3
"""The least of so many tries counts: neighbours on the same cores can only make a process slower."""
KILOBYTES_64 = 64 * 1024

SHAPES: dict[str, Callable[[int], bytes]] = {
    "an unclosed string of escaped quotes behind brackets": lambda n: (b"[" * 33 + b'"' + b'\\"' * n)[:n],
    "escaped backslashes": lambda n: (b"[" * 33 + b'"' + b"\\\\" * n)[:n],
    "quotes": lambda n: (b"[" * 33 + b'"' * n)[:n],
    "opening brackets": lambda n: b"[" * n,
    "pairs of brackets": lambda n: (b"[" + b"[]," * n)[:n],
    "nested objects": lambda n: (b'{"a":' * n)[:n],
    "unknown fields": lambda n: json.dumps({f"k{i}": i for i in range(n // 14)}).encode()[:n],
    "one field again and again": lambda n: (b"{" + b'"phone":1,' * n)[:n],
    "a long string": lambda n: b'{"phone": "' + b"a" * (n - 20) + b'"}',
    "a string of unicode escapes": lambda n: b'{"phone": "' + b"\\u0041" * ((n - 20) // 6) + b'"}',
    "surrogates": lambda n: b'{"phone": "' + b"\\ud83d" * ((n - 20) // 6) + b'"}',
    "a long number": lambda n: b'{"phone": ' + b"9" * (n - 20) + b"}",
    "a number with a huge exponent": lambda n: b'{"phone": 1e' + b"9" * (n - 20) + b"}",
    "spaces": lambda n: b" " * n,
    "invalid UTF-8": lambda n: b'{"phone": "' + b"\xff" * (n - 20) + b'"}',
    "NUL": lambda n: b'{"phone": "' + b"\\u0000" * ((n - 20) // 6) + b'"}',
    "form fields": lambda n: (b"a=b&" * n)[:n],
    "percent escapes": lambda n: (b"a=" + b"%ff" * n)[:n],
}


class Answer:
    """What the application sent."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.body += message.get("body", b"")


async def ask(app: Any, method: str, path: str, media_type: str, body: bytes) -> tuple[Answer, float]:
    """Call the application; return its answer, and the CPU seconds that it took."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        await asyncio.sleep(3600)
        raise AssertionError

    headers = [(b"host", b"pay.test"), (b"content-type", media_type.encode())]
    headers.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("203.0.113.9", 1), "server": ("pay.test", 80), "app": app, "state": {},
    }  # fmt: skip
    answer, began = Answer(), time.process_time()
    await app(scope, receive, answer)
    return answer, time.process_time() - began


async def least(app: Any, method: str, path: str, media_type: str, body: bytes) -> tuple[int, float]:
    """Return the status, and the least CPU seconds of a few tries."""
    seconds = []
    for _ in range(TRIES):
        answer, took = await ask(app, method, path, media_type, body)
        seconds.append(took)
        if took < CPU_SECONDS / 2:
            break
    return answer.status, min(seconds)


@pytest.fixture
async def app(keyring: Keyring) -> AsyncIterator[tuple[Any, Any]]:
    """The gateway's application within its edge, and by itself; no service is behind it, and nothing else runs here."""
    services: dict[str, Any] = dict.fromkeys(
        ("auth_grpc", "invoices_grpc", "payments_grpc", "notifications_grpc"), "127.0.0.1:1"
    )
    settings = Settings(
        app_env="test",
        redis_url=SecretStr("redis://:x@127.0.0.1:1/0"),
        service_key=SecretStr(json.dumps(keyring.services["gateway"])),
        trusted_keys=keyring.trusted,
        request_seconds=5,
        **services,
    )
    whole = create_app(settings, keyring.services["gateway"])
    async with whole.router.lifespan_context(whole):
        edge = edged(whole, settings)
        for path in ("/v1/auth/login", "/v1/invoices", "/webhooks/paystack", "/i/x/pay"):
            await ask(edge, "POST", path, INTAKES[path.split("/")[1]].media_type or "text/plain", b"{}")
        yield edge, whole


def _writing_routes(whole: Any) -> list[tuple[str, str]]:
    found = []
    for path, methods in whole.openapi()["paths"].items():
        concrete = path
        for name in ("invoice_id", "customer_id", "payment_id", "refund_id", "dispute_id", "member_id", "token"):
            concrete = concrete.replace("{" + name + "}", "inv_01m8rnc21mert9j58kdkpqf257")
        concrete = concrete.replace("{", "").replace("}", "")
        found += [(method.upper(), concrete) for method in methods if method in ("post", "put", "patch")]
    return found


async def test_f02_s1_no_shape_of_64_kilobytes_costs_a_route_more_than_50_ms(
    app: Any, figure: Callable[[str], None]
) -> None:
    edge, whole = app
    routes = _writing_routes(whole)
    assert len(routes) > 30
    slowest = (0.0, "")
    for method, path in routes:
        intake = INTAKES[path.split("/")[1]]
        for shape, make in SHAPES.items():
            status, seconds = await least(edge, method, path, intake.media_type or "text/plain", make(KILOBYTES_64))
            assert 400 <= status < 600
            assert status != 500, (method, path, shape)
            slowest = max(slowest, (seconds, f"{method} {path}: {shape}"))
    figure(f"{len(routes)} routes x {len(SHAPES)} shapes of 64 kB: slowest {slowest[0] * 1000:.1f} ms ({slowest[1]})")
    assert slowest[0] < CPU_SECONDS, slowest


@pytest.mark.parametrize("shape", SHAPES)
async def test_f02_s1_no_shape_at_the_size_limit_costs_more_than_50_ms(
    app: Any, shape: str, figure: Callable[[str], None]
) -> None:
    edge, _ = app
    for path in ("/v1/auth/login", "/v1/invoices", "/webhooks/paystack", "/nothing", "/i/x/pay"):
        intake = INTAKES.get(path.split("/")[1], JSON)
        _, seconds = await least(edge, "POST", path, intake.media_type or "text/plain", SHAPES[shape](intake.limit))
        figure(f"{shape} at the limit of {path}: {seconds * 1000:.1f} ms")
        assert seconds < CPU_SECONDS, path


async def test_f02_a_type_that_no_route_takes_is_refused_unread(app: Any) -> None:
    edge, _ = app
    hostile = SHAPES["an unclosed string of escaped quotes behind brackets"](KILOBYTES_64)
    for path, media_type, status in (
        ("/v1/invoices", "application/x-www-form-urlencoded", 415),
        ("/v1/invoices", "text/plain", 415),
        ("/v1/invoices", "", 415),
        ("/i/x/pay", "application/json", 415),
        ("/i/x/pay", "multipart/form-data; boundary=x", 415),
        ("/nothing", "application/json", 404),
        ("/docs", "application/json", 405),
    ):
        answer, _ = await ask(edge, "POST", path, media_type, hostile)
        assert answer.status == status, (path, media_type)
    answer, _ = await ask(edge, "GET", "/v1/me", "application/json", hostile)
    assert answer.status == 401


def test_f02_the_depth_of_the_faults_own_body_is_told_at_once() -> None:
    for size in (48_000, 64_000, MAX_BODY):
        began = time.process_time()
        assert too_deep(SHAPES["an unclosed string of escaped quotes behind brackets"](size))
        assert time.process_time() - began < 1


async def test_f11_bodies_together_hold_no_more_than_the_process_may(figure: Callable[[str], None]) -> None:
    budget, release = 4 * MAX_WEBHOOK, asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    bodies = Bodies(slow, 20, budget)
    asked = [
        asyncio.create_task(ask(bodies, "POST", "/webhooks/paystack", "application/json", b" " * MAX_WEBHOOK))
        for _ in range(50)
    ]
    await asyncio.sleep(0.2)
    assert bodies._held == budget  # noqa: SLF001  the memory that the test is about
    release.set()
    statuses = [answer.status for answer, _ in await asyncio.gather(*asked)]
    assert (statuses.count(200), statuses.count(503)) == (4, 46)
    assert bodies._held == 0  # noqa: SLF001  as above
    figure(f"50 webhooks of 3 MB at once: {budget // 1024 // 1024} MB held, 46 answered with 503")


def test_every_intake_has_a_limit() -> None:
    assert FORM.limit < JSON.limit < INTAKES["webhooks"].limit
