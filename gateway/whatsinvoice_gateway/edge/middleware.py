"""The outermost layer: the call's id, trace and deadline, security headers, and how large a body may be."""

import re
import time
import uuid
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from whatsinvoice_kit.observe.telemetry import continue_trace
from whatsinvoice_kit.rpc.call import Call, serving

MAX_BODY = 1024 * 1024
MAX_WEBHOOK = 3 * 1024 * 1024
_REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
DOCS_POLICY = (
    "default-src 'none'; script-src https://cdn.jsdelivr.net 'unsafe-inline'; connect-src 'self'; "
    "style-src https://cdn.jsdelivr.net 'unsafe-inline'; img-src data: https:; frame-ancestors 'none'"
)


class Edge:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, *, request_seconds: float, secure: bool) -> None:
        self._app = app
        self._request_seconds = request_seconds
        self._headers = dict(SECURITY_HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        call = self._call(headers)
        continue_trace(headers.get("traceparent", ""))
        structlog.contextvars.bind_contextvars(request_id=call.request_id)
        limit = MAX_WEBHOOK if scope["path"].startswith("/webhooks/") else MAX_BODY
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:  # of this type, or FastAPI would call it a malformed body
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have up to {limit} bytes")
            return message

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(MutableHeaders(scope=message), call, scope["path"])
            await send(message)

        with serving(call):
            try:
                await self._app(scope, limited, dressed)
            finally:
                structlog.contextvars.clear_contextvars()

    def _call(self, headers: Headers) -> Call:
        given = headers.get("x-request-id", "")
        return Call(
            token=headers.get("authorization", ""),
            request_id=given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex,
            deadline=time.monotonic() + self._request_seconds,
        )

    def _dress(self, headers: MutableHeaders, call: Call, path: str) -> None:
        headers["X-Request-Id"] = call.request_id
        for name, value in self._headers.items():
            headers[name] = value
        headers.setdefault("Content-Security-Policy", DOCS_POLICY if path == "/docs" else API_POLICY)
        headers.setdefault("Cache-Control", "no-store")
        if call.replayed:
            headers["Idempotent-Replayed"] = "true"
