"""Clients that send or read slowly, or too much (T3): raw sockets against the gateway's own protocol."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from support.http import served
from support.keys import Keyring
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.edge.bodies import MAX_BODY, MAX_DEPTH, MAX_MEMBERS, MAX_WEBHOOK, Bodies, too_deep
from whatsinvoice_gateway.edge.connections import PatientProtocol
from whatsinvoice_gateway.edge.middleware import Edge
from whatsinvoice_gateway.edge.problems import MAX_ERRORS

JSON = {"Content-Type": "application/json"}
BODY_SECONDS = 0.5


class Hasty(PatientProtocol):
    """The real one with less patience."""

    head_seconds = 0.6
    body_seconds = 1.0
    drain_seconds = 0.5


@pytest.fixture
async def url(settings_for: Any, keyring: Keyring) -> AsyncIterator[str]:
    settings = settings_for(body_seconds=BODY_SECONDS)
    app = edged(create_app(settings, keyring.services["gateway"]), settings)
    async with served(app, http=Hasty) as url:
        yield url


@asynccontextmanager
async def _socket(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # or the kernel would read for a client who does not
    raw.connect((urlsplit(url).hostname, urlsplit(url).port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=16_384)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _seconds_until_closed(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drip: bytes = b""
) -> tuple[float, bytes]:
    """Drips until the other side has closed; how long that took, and what it had said."""
    started, said = time.monotonic(), b""
    async with asyncio.timeout(10):
        while True:
            try:
                if drip:
                    writer.write(drip)
                async with asyncio.timeout(0.05):
                    read = await reader.read(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not read:
                break
            said += read
    return time.monotonic() - started, said


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"GET /v1/me HTTP/1.1\r\nHost: x\r\n", b""),
        (b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a"),
        (b"GET /v1/me HTTP/1.1\r\nHost: x\r\n", b"X-Slow: a\r\n"),
    ],
    ids=["nothing", "empty lines", "half a head", "a value without end", "headers without end"],
)
async def test_a_head_that_does_not_come_ends_the_connection(url: str, first: bytes, drip: bytes) -> None:
    async with _socket(url) as (reader, writer):
        writer.write(first)
        seconds, said = await _seconds_until_closed(reader, writer, drip)
    assert Hasty.head_seconds - 0.1 < seconds < Hasty.head_seconds + 0.6
    assert said == b""


async def test_an_answered_connection_gets_no_more_patience(url: str) -> None:
    async with _socket(url) as (reader, writer):
        writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 404")
        writer.write(b"GET /nothing HT")
        seconds, _ = await _seconds_until_closed(reader, writer, b"x")
    assert seconds < Hasty.head_seconds + 0.6


@pytest.mark.parametrize("drip", [b"", b"a"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_does_not_come_is_answered_and_ended(url: str, drip: bytes, chunked: bool) -> None:
    length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 1000"
    drip = b"1\r\na\r\n" if chunked and drip else drip
    async with _socket(url) as (reader, writer):
        writer.write(
            f"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n".encode()
        )
        seconds, said = await _seconds_until_closed(reader, writer, drip)
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["code"] == "BODY_TOO_SLOW"
    assert BODY_SECONDS - 0.1 < seconds < BODY_SECONDS + 0.6


async def test_a_body_that_was_refused_may_not_be_dripped_for_ever(url: str) -> None:
    async with _socket(url) as (reader, writer):
        head = b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Content-Length: 9000000\r\n\r\n")
        seconds, said = await _seconds_until_closed(reader, writer, b"a")
    assert said.startswith(b"HTTP/1.1 413")
    assert seconds < Hasty.body_seconds + 0.6


async def _much(scope: Any, receive: Any, send: Any) -> None:
    """An application whose answer is as large as a long PDF."""
    headers = [(b"content-length", b"4000000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 4_000_000})


@pytest.mark.parametrize("header", [b"", b"Connection: close\r\n"])
async def test_an_answer_that_nobody_reads_is_dropped(header: bytes) -> None:
    async with served(_much, http=Hasty, lifespan="off") as url, _socket(url) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")
        await asyncio.sleep(Hasty.drain_seconds * 3)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(4_000_000)


async def _much_in_pieces(scope: Any, receive: Any, send: Any) -> None:
    """As much again and again, as a streamed export would be."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4000000")]})
    for left in range(99, -1, -1):
        await send({"type": "http.response.body", "body": b"x" * 40_000, "more_body": left > 0})


@pytest.mark.parametrize("app", [_much, _much_in_pieces], ids=["at once", "in pieces"])
async def test_answers_that_are_read_slowly_but_steadily_arrive(app: Any) -> None:
    """One after another on one connection, each for longer than a stalled one is borne."""
    async with served(app, http=Hasty, lifespan="off") as url, _socket(url) as (reader, writer):
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            read = 0
            while read < 4_000_000:
                read += len(await reader.read(16_384))
                await asyncio.sleep(0.003)
            assert read == 4_000_000


async def test_two_hundred_slow_clients_hold_nobody_up(url: str) -> None:
    heads = (
        b"GET /v1/me HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    )
    host, port = urlsplit(url).hostname, urlsplit(url).port
    slow = [await asyncio.open_connection(host, port) for _ in range(200)]
    for number, (_, writer) in enumerate(slow):
        writer.write(heads[number % 2])
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        times = []
        for _ in range(20):
            started = time.monotonic()
            assert (await client.get("/nothing")).status_code == 404
            times.append(time.monotonic() - started)
    print(f"beside 200 slow clients: {sorted(times)[10] * 1000:.1f} ms (median of 20)")  # noqa: T201  (a figure)
    assert sorted(times)[10] < 0.2
    for _, writer in slow:
        writer.transport.abort()


async def test_what_is_too_large_is_refused_on_every_entry(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=20, headers=JSON) as client:

        async def pieces(size: int) -> AsyncIterator[bytes]:
            for _ in range(size // 65536 + 1):
                yield b" " * 65536

        for path, limit in (
            ("/v1/auth/login", MAX_BODY),
            ("/v1/invoices", MAX_BODY),
            ("/webhooks/paystack", MAX_WEBHOOK),
        ):
            answers = [
                await client.post(path, content=b" " * (limit + 1)),
                await client.post(path, content=pieces(limit + 1)),
            ]
            assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(413, "BODY_TOO_LARGE")] * 2
        allowed = await client.post("/webhooks/paystack", content=b" " * MAX_WEBHOOK)
        assert allowed.status_code == 503, "payments is away here"
        long_head = await client.get("/nothing", headers={"X-Long": "a" * 40_000})
        assert long_head.status_code == 400
        many = await client.get("/nothing", headers={f"X-{n}": "a" * 100 for n in range(400)})
        assert many.status_code == 400


async def test_nesting_is_limited_on_every_entry_and_wrong_fields_in_number(url: str) -> None:
    deep = b'{"phone": ' + b"[" * 40 + b"]" * 40 + b"}"
    wide, wider = (json.dumps({f"field{n}": n for n in range(size)}) for size in (MAX_MEMBERS, MAX_MEMBERS + 2))
    async with httpx.AsyncClient(base_url=url, timeout=20, headers=JSON) as client:
        for path in ("/v1/auth/login", "/v1/auth/register", "/v1/invoices"):
            answer = await client.post(path, content=deep)
            assert (answer.status_code, answer.json()["code"]) == (400, "BODY_MALFORMED")
        answer = await client.post("/v1/auth/login", content=wide)
        assert (answer.status_code, len(answer.json()["errors"])) == (422, MAX_ERRORS)
        answer = await client.post("/v1/auth/login", content=wider)
        assert (answer.status_code, answer.json()["code"]) == (400, "BODY_MALFORMED")


@pytest.mark.parametrize("pieces", [[MAX_BODY + 1], [MAX_BODY, 1], [1, MAX_BODY]])
async def test_the_last_piece_counts_as_well(pieces: list[int]) -> None:
    """Whatever the server makes of the chunks that came."""
    sent: list[Any] = []
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b" " * left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"transfer-encoding", b"chunked"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/invoices", "headers": headers}
    await Bodies(_much, BODY_SECONDS, 4 * MAX_BODY)(scope, receive, send)
    assert sent[0]["status"] == 413


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, False),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), True),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), True),
        (b"[" * 100_000, True),
        (b"[" + b"[]," * 10_000 + b"[]]", False),
        (b'{"notes": "' + b"[{" * 1_000 + b'\\"]", "n": [1]}', False),
        (b'["\\\\", ' + b"[" * 40 + b"]" * 40 + b"]", True),
    ],
)
def test_depth_is_told_from_brackets_outside_of_strings(text: bytes, deep: bool) -> None:
    assert too_deep(text) is deep


def test_depth_is_told_quickly() -> None:
    started = time.process_time()
    for worst in (b"[]" * 500_000, b'""' * 500_000 + b"[" * 40, b"[" * 500_000 + b"]" * 500_000):
        too_deep(worst)
    seconds = time.process_time() - started
    print(f"three bodies of a megabyte judged in {seconds * 1000:.0f} ms")  # noqa: T201  (a figure to be read)
    assert seconds < 1


async def test_a_request_that_takes_too_long_is_answered() -> None:
    cancelled = asyncio.Event()

    async def hanging(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    app = Edge(hanging, request_seconds=0.2, secure=False)
    async with served(app, lifespan="off") as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.json()["code"]) == (504, "GATEWAY_TIMEOUT")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-frame-options"] == "DENY"
    assert cancelled.is_set()


async def test_a_process_that_leaves_ends_each_connection_with_its_next_answer(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        assert "connection" not in (await client.get("/v1/me")).headers
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Hasty, "leaving", True)
            assert [(await client.get("/v1/me")).headers["connection"] for _ in range(2)] == ["close", "close"]
