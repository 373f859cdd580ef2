"""Request bodies are read whole before anything else runs: not too large, not too deep, and not for ever."""

import asyncio
import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from whatsinvoice_gateway.edge.problems import of_http_error

MAX_BODY = 1024 * 1024
MAX_WEBHOOK = 3 * 1024 * 1024
MAX_DEPTH = 32
"""Of nested JSON; the deepest body of the contract has five levels."""
WEBHOOKS = "/webhooks/"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Bodies:
    """Wraps the application; answers 413, 408 and 400 itself."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope["path"], headers.get("content-length", ""), receive)
        except HTTPException as error:
            await of_http_error(error, scope["path"])(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _once(body, receive), send)

    async def _read(self, path: str, declared: str, receive: Receive) -> bytes | None:
        """The body, None when the client has gone; HTTPException when it is refused."""
        raw = path.startswith(WEBHOOKS)  # signed byte by byte: their services judge them after the signature
        limit = MAX_WEBHOOK if raw else MAX_BODY
        arrived, more = bytearray(), True
        size = int(declared) if declared.isdecimal() else 0
        try:
            async with asyncio.timeout(self._seconds):
                while more and size <= limit:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    arrived += message.get("body", b"")
                    more = message.get("more_body", False)
                    size = max(size, len(arrived))
        except TimeoutError:
            text = f"the body did not arrive within {self._seconds:g} seconds"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, text, {"Connection": "close"}) from None
        if size > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have up to {limit} bytes")
        body = bytes(arrived)
        if not raw and too_deep(body):
            text = f"the body is nested deeper than {MAX_DEPTH}, or is not valid JSON"
            raise HTTPException(HTTPStatus.BAD_REQUEST, text)
        return body


def too_deep(body: bytes, limit: int = MAX_DEPTH) -> bool:
    """Whether the brackets of a JSON text go deeper; also true when many of them do not match."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    brackets = _STRING.sub(b"", body).translate(None, _NOT_BRACKETS)
    for _ in range(limit):  # each round takes the innermost of all
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


def _once(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the body, then whatever comes after it."""
    left = [body]

    async def replayed() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replayed
