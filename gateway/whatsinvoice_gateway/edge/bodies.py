"""Request bodies: only where a route takes one, of its type, read whole, bounded in size, shape, time and memory.

Whatever looks at the bytes of a stranger here is one pass over them.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from whatsinvoice_gateway.edge.problems import of_http_error

MAX_BODY = 1024 * 1024
MAX_FORM = 64 * 1024
MAX_WEBHOOK = 3 * 1024 * 1024
MAX_DEPTH = 32
"""Of nested JSON; the deepest body of the contract has five levels."""
MAX_MEMBERS = 10_000
"""Of all objects and arrays of a JSON body; 200 lines with their taxes and discounts have half as many."""
MAX_QUOTES = 8 * MAX_MEMBERS
"""Two for a name, two for a text, and as many escaped ones within it."""
_METHODS = ("POST", "PUT", "PATCH")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string, or the rest of the text where it is not closed: the possessive repeats never go back."""
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True, slots=True)
class Intake:
    """What the routes below a path take: a media type (None: any, judged by the service behind it) and a size."""

    media_type: str | None
    limit: int


JSON = Intake("application/json", MAX_BODY)
FORM = Intake("application/x-www-form-urlencoded", MAX_FORM)
INTAKES = {"webhooks": Intake(None, MAX_WEBHOOK), "v1": JSON, "i": FORM, "r": FORM, "l": FORM, "q": FORM}
"""First segment of the path -> what its routes take. No other path takes a body."""


class Bodies:
    """Wraps the application; answers 400, 408, 413, 415 and 503 itself.

    `seconds`: how long a body may take to arrive. `memory`: how many bytes all bodies together may hold.
    """

    def __init__(self, app: ASGIApp, seconds: float, memory: int) -> None:
        self._app = app
        self._seconds = seconds
        self._memory = memory
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        declared = headers.get("content-length", "")
        if scope["type"] != "http" or (declared in ("", "0") and "transfer-encoding" not in headers):
            await self._app(scope, receive, send)
            return
        intake = INTAKES.get(scope["path"].split("/", 2)[1]) if scope["method"] in _METHODS else None
        if intake is None:
            await self._app(scope, _once(b"", receive), send)
            return
        held = _Held(self)
        try:
            try:
                body = await self._read(intake, headers, receive, held)
            except HTTPException as error:
                await of_http_error(error, scope["path"])(scope, receive, send)
                return
            if body is not None:
                await self._app(scope, _once(body, receive), send)
        finally:
            held.release()

    async def _read(self, intake: Intake, headers: Headers, receive: Receive, held: "_Held") -> bytes | None:
        """Return the body, None when the client has gone.

        Raises:
            HTTPException: the body is refused.
        """
        given = headers.get("content-type", "").partition(";")[0].strip().lower()
        if intake.media_type not in (None, given):
            text = f"this route takes {intake.media_type}, not {given[:100] or 'a body without Content-Type'}"
            raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
        declared = headers.get("content-length", "")
        size, arrived, more = int(declared) if declared.isdecimal() else 0, bytearray(), True
        try:
            async with asyncio.timeout(self._seconds):
                while more and size <= intake.limit:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunk = message.get("body", b"")
                    held.take(len(chunk))
                    arrived += chunk
                    more = message.get("more_body", False)
                    size = max(size, len(arrived))
        except TimeoutError:
            text = f"the body did not arrive within {self._seconds:g} seconds"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, text, {"Connection": "close"}) from None
        if size > intake.limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have up to {intake.limit} bytes")
        body = bytes(arrived)
        if intake is JSON:
            for fault in faults_of(body):
                raise HTTPException(HTTPStatus.BAD_REQUEST, f"the body {fault}")
        return body

    def take(self, size: int) -> None:
        """Count bytes that a body holds.

        Raises:
            HTTPException: all bodies together would hold too much.
        """
        if self._held + size > self._memory:
            text = "too many bodies are arriving at once; try again"
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": "1", "Connection": "close"})
        self._held += size

    def release(self, size: int) -> None:
        self._held -= size


class _Held:
    """What one body holds of the memory of all."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._size = 0

    def take(self, size: int) -> None:
        self._bodies.take(size)
        self._size += size

    def release(self) -> None:
        self._bodies.release(self._size)


def faults_of(body: bytes) -> Iterator[str]:
    """Yield what makes a JSON text too expensive to parse and to judge."""
    if body.count(b",") > MAX_MEMBERS or body.count(b'"') > MAX_QUOTES:
        yield f"has more than {MAX_MEMBERS} members"
    elif body.count(b"[") + body.count(b"{") > MAX_MEMBERS or too_deep(body):
        yield f"is nested deeper than {MAX_DEPTH}, or is not valid JSON"


def too_deep(body: bytes, limit: int = MAX_DEPTH) -> bool:
    """Return whether the brackets of a JSON text go deeper; also true when many of them do not match."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    brackets = _STRING.sub(b"", body).translate(None, _NOT_BRACKETS)
    for _ in range(limit):  # each round takes the innermost of all
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


def _once(body: bytes, receive: Receive) -> Receive:
    """Return what the application receives: the body, then whatever comes after it."""
    left = [body]

    async def replayed() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replayed
