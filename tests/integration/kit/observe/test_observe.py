"""What operators see: log lines with their ids and without people in them, traces, the ops port."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.observe.health import OpsServer
from whatsinvoice_kit.observe.logging import configure_logging, mask_phone, mask_text
from whatsinvoice_kit.observe.telemetry import continue_trace, current_trace_id, current_traceparent, is_traceparent

PROBE_SECONDS = 5
"""As long as Kubernetes' probes wait."""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
JWT = "eyJ" + "hbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c3IifQ.c2lnbmF0dXJl"
PHONES = [
    "+2348012345678",
    "2348012345678",
    "08012345678",
    "0801 234 5678",
    "0801-234-5678",
    "0801.234.5678",
    "+234 801 234 5678",
    "+234 (0) 801 234 5678",
    "(0801) 234-5678",
    "+234-801-234-5678",
    "+234\u00a0801\u00a0234\u00a05678",
    "0801\u2011234\u20115678",
    "+254 712 345 678",
    "+27 82 123 4567",
    "+14155550123",
    "+233201234567",
]
PLACES: list[Callable[[str], str]] = [
    str,
    "to {}.".format,
    "({})".format,
    "whatsapp:{}".format,
    "wa.me/{}".format,
    "phone={}, name".format,
    '{{"to": "{}"}}'.format,
    "https://api.example/v1?phone={}&a=1".format,
    "Key (phone)=({}) already exists".format,
    "{}-jane".format,
    "'{}'".format,
]


def digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("phone", PHONES)
def test_a_phone_keeps_its_last_four_digits_wherever_it_stands(phone: str, place: Callable[[str], str]) -> None:
    masked = mask_text(place(phone))
    assert digits(phone) not in digits(masked)
    assert digits(phone)[-8:-4] not in digits(masked)
    assert "*" in masked


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("jane.okafor+x@example.co.uk wrote", "jane"),
        (f"token {JWT} refused", "c2lnbm"),
        (f"Bearer {JWT}", "eyJ"),
        ("authorization: Bearer abc", "abc"),
        ("bearer abcdefghijklmnop0123", "abcdef"),
        ("key sk_test_0123456789abcdef used", "0123456789abcdef"),
        (f"sk_{'live'}_0123456789abcdef", "0123456789abcdef"),
        ("2348012345678@s.whatsapp.net", "80123"),
    ],
)
def test_addresses_and_tokens_are_masked(said: str, secret: str) -> None:
    assert secret not in mask_text(said)


@pytest.mark.parametrize(
    "readable",
    [
        "2026-11-02",
        "2026-11-02 10:00:00",
        "2026-11-02T10:00:00.123456+00:00",
        "2026-11-02 10:00:00.123456+00:00",
        "1762077600000-0",
        "INV-2026-000123",
        "₦75,000.00",
        "75000.00",
        "7500000.00",
        "1234567.89",
        "amount_minor 7500000",
        "127.0.0.1:50051",
        "192.168.100.200",
        "550e8400-e29b-41d4-a716-446655440000",
        "0af7651916cd43dd8448eb211c80319c",
        "100 of 1000 events in 12.5 ms",
        "HTTP 404",
        "a bearer token is required",
        "due 02/11/2026",
        "inv_01k9z3v5w7x8y9z0a1b2c3d4e5 is paid",
        "evt_01234567890123456789012345",
        "whatsinvoice.payments.v1",
        "1/20 retries",
    ],
)
def test_ids_dates_amounts_and_counts_stay_readable(readable: str) -> None:
    assert mask_text(readable) == readable


def test_a_masked_phone_is_known_by_its_end() -> None:
    assert mask_phone("+2348012345678") == "+*********5678"


@contextmanager
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[list[dict[str, Any]]]:
    """The lines of the block, as a machine reads them; there once it has ended."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    configure_logging("sample", form="json", level="debug")
    lines: list[dict[str, Any]] = []
    try:
        yield lines
    finally:
        root.handlers, root.level = handlers, level
        structlog.configure(**before)
        structlog.contextvars.clear_contextvars()
    lines += [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines


def test_a_line_says_where_it_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    continue_trace(TRACE)
    business = new_id("biz")
    with logged(capsys) as lines:
        structlog.contextvars.bind_contextvars(request_id="req-1", business_id=business)
        structlog.get_logger("x.y").info("invoice issued", invoice_id="inv_1", amount_minor=7_500_000, at=now())
    (line,) = lines
    assert line | {"timestamp": 0, "at": 0} == {
        "event": "invoice issued",
        "level": "info",
        "logger": "x.y",
        "service": "sample",
        "request_id": "req-1",
        "business_id": business,
        "trace_id": TRACE[3:35],
        "invoice_id": "inv_1",
        "amount_minor": 7_500_000,
        "timestamp": 0,
        "at": 0,
    }
    assert line["timestamp"].endswith("Z")
    assert "*" not in line["at"]


class Person:
    """Something that a careless line might hold."""

    def __repr__(self) -> str:
        return "Person('+2348012345678', 'jane@example.com')"


def test_no_part_of_a_line_names_a_person_or_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    person, log = "+2348012345678", structlog.get_logger("x")
    deep = {"a": [{"to": person, "n": (person, {"b": {person}})}], person: 1, "password": "hunter2", "code": "482913"}
    by_name = "password api_key apiKey accessToken client_secret cookie private_key x_paystack_signature Authorization"
    with logged(capsys) as lines:
        log.info(
            f"sent to {person}",  # noqa: G004  (what a careless line does)
            deep=deep,
            to=person,
            bare=Person(),
            raised=ValueError(person),
            raw=person.encode(),
        )
        log.info("x", **dict.fromkeys(by_name.split(), "hunter2"), **{"X-Hub-Signature-256": ["hunter2"]})
        log.info("x", one_time_code="482913", code="482913", otp="482913")
    said = json.dumps(lines)
    for secret in ("80123", "jane", "hunter2", "482913"):
        assert secret not in said


def test_numbers_and_harmless_codes_stay(capsys: pytest.CaptureFixture[str]) -> None:
    values = {
        "status_code": 404,
        "currency_code": "NGN",
        "count": 2_348_012_345,
        "seconds": 1.5,
        "ok": True,
        "no": None,
    }
    with logged(capsys) as lines:
        structlog.get_logger("x").info("x", **values, rate=Decimal("7.5"))
    assert {name: lines[0][name] for name in values} == values
    assert lines[0]["rate"] == "7.5"


def test_exceptions_and_other_libraries_are_masked_alike(capsys: pytest.CaptureFixture[str]) -> None:
    with logged(capsys) as lines:
        try:
            int("no route to +2348012345678 with Bearer abcdefghijklmnop")
        except ValueError:
            structlog.get_logger("x").exception("failed")
            logging.getLogger("some.library").exception("failed for %s", "jane@example.com")
        logging.getLogger("some.library").warning("phone %s of %s", "08012345678", Person())
    ours, theirs, plain = lines
    assert "ValueError" in ours["exception"]
    assert "test_observe.py" in ours["exception"]
    assert (theirs["service"], theirs["logger"], plain["level"]) == ("sample", "some.library", "warning")
    said = json.dumps([ours, theirs, plain])
    for secret in ("80123", "jane", "abcdef"):
        assert secret not in said


def test_a_trace_is_continued_when_good_and_begun_when_not() -> None:
    assert continue_trace(TRACE) == current_traceparent() == TRACE
    assert current_trace_id() == TRACE[3:35]
    for bad in (
        "",
        "x",
        TRACE.upper(),
        TRACE[:-1],
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
        TRACE + "\n",
    ):
        assert not is_traceparent(bad)
        begun = continue_trace(bad)
        assert is_traceparent(begun)
        assert begun != bad


class Ops:
    """A running ops port over a database that can be away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.away = self.hangs = False
        self.server = OpsServer("127.0.0.1", 0, self._ping)

    async def _ping(self) -> None:
        if self.hangs:
            await asyncio.sleep(60)
        if self.away:
            raise ConnectionRefusedError("postgres://u:secret@db")
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(f"http://127.0.0.1:{self.server.port}{path}")


@pytest.fixture
async def ops(engine: AsyncEngine) -> AsyncIterator[Ops]:
    ops = Ops(engine)
    await ops.server.start()
    yield ops
    await ops.server.stop()


async def test_a_database_that_is_away_leaves_the_process_alive(ops: Ops) -> None:
    ops.away = True
    assert (await ops.get("/healthz")).status_code == 503
    assert (await ops.get("/livez")).status_code == 200
    ops.away, ops.hangs = False, True
    assert (await asyncio.wait_for(ops.get("/livez"), 1)).status_code == 200


def test_a_loop_that_stands_still_is_not_alive_though_its_port_is_open() -> None:
    """What a probe of the bare port cannot see: the kernel goes on taking connections."""
    served: Future[tuple[asyncio.AbstractEventLoop, int]] = Future()
    stands, moves, ends = threading.Event(), threading.Event(), asyncio.Event()

    async def nobody() -> None:
        raise AssertionError("alive is asked of the loop alone")

    async def serve() -> None:
        server = OpsServer("127.0.0.1", 0, nobody)
        await server.start()
        served.set_result((asyncio.get_running_loop(), server.port))
        await ends.wait()
        await server.stop()

    def stand_still() -> None:
        stands.set()
        moves.wait()

    process = threading.Thread(target=asyncio.run, args=[serve()])
    process.start()
    loop, port = served.result(10)
    url = f"http://127.0.0.1:{port}/livez"
    try:
        assert httpx.get(url, timeout=PROBE_SECONDS).json() == {"status": "ok"}
        loop.call_soon_threadsafe(stand_still)
        assert stands.wait(10)
        socket.create_connection(("127.0.0.1", port), timeout=PROBE_SECONDS).close()
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(url, timeout=PROBE_SECONDS)
        moves.set()
        assert httpx.get(url, timeout=PROBE_SECONDS).status_code == 200
    finally:
        moves.set()
        loop.call_soon_threadsafe(ends.set)
        process.join()


async def test_health_follows_the_database(ops: Ops) -> None:
    assert (await ops.get("/healthz")).status_code == 200
    ops.away = True
    failing = await ops.get("/healthz")
    assert (failing.status_code, failing.json()) == (503, {"status": "failing", "error": "ConnectionRefusedError"})
    ops.away = False
    assert (await ops.get("/healthz")).status_code == 200


async def test_a_database_that_hangs_is_away(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whatsinvoice_kit.observe.health.PING_SECONDS", 0.1)
    ops.hangs = True
    assert (await ops.get("/healthz")).status_code == 503


async def test_a_process_is_ready_when_it_says_so(ops: Ops) -> None:
    assert (await ops.get("/readyz")).status_code == 503
    ops.server.ready = True
    assert (await ops.get("/readyz")).status_code == 200
    ops.away = True
    assert (await ops.get("/readyz")).status_code == 503


async def test_metrics_parse_and_there_is_nothing_else(ops: Ops) -> None:
    names = {family.name for family in text_string_to_metric_families((await ops.get("/metrics")).text)}
    assert "python_info" in names
    for path in ("/", "/health", "/metrics/", "/healthz/x", "/.env"):
        assert (await ops.get(path)).status_code == 404
