"""The outermost layer: the call's id, trace and deadline, HTTPS in production, and headers that every answer has."""

import asyncio
import re
import time
import uuid
from http import HTTPStatus

import structlog
from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from whatsinvoice_kit.observe import telemetry
from whatsinvoice_kit.rpc.call import Call, serving

from whatsinvoice_gateway.edge import limits
from whatsinvoice_gateway.edge.problems import of_http_error

GRACE_SECONDS = 1.0
"""Beyond the deadline of all calls, whose own answers are better."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PROBES = ("/healthz", "/readyz")
_REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HOST = re.compile(r"[a-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9a-f:]{2,39}\](:\d{1,5})?", re.ASCII | re.IGNORECASE)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS = "max-age=63072000; includeSubDomains"
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
"""Swagger-ui sets styles of its own; its scripts are files."""


class Edge:
    """Wraps the whole application. Scheme and client of the scope are proven by then."""

    def __init__(self, app: ASGIApp, *, request_seconds: float, secure: bool) -> None:
        self._app = app
        self._request_seconds = request_seconds
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        call = self._call(headers)
        structlog.contextvars.bind_contextvars(request_id=call.request_id)
        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        before = telemetry.of_stranger(headers.get("traceparent", ""))
        with serving(call), telemetry.span(method, "server", {"http.request.method": method}, within=before) as work:
            try:
                await self._serve(scope, receive, _noting(send, work), call)
            finally:
                if route := scope.get("route"):  # its pattern: a path may hold the token of a link
                    work.name = f"{method} {route.path}"
                    work.attributes["http.route"] = route.path
                structlog.contextvars.clear_contextvars()

    async def _serve(self, scope: Scope, receive: Receive, send: Send, call: Call) -> None:
        """Whatever happens inside, an answer starts within the deadline; how fast it is read is not timed here."""
        deadline = asyncio.timeout(self._request_seconds + GRACE_SECONDS)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                if not deadline.expired():
                    deadline.reschedule(None)
                self._dress(MutableHeaders(scope=message), call, scope)
            await send(message)

        insecure = self._secure and scope["scheme"] != "https" and scope["path"] not in PROBES
        try:
            async with deadline:
                await (_to_https(scope) if insecure else self._app)(scope, receive, dressed)
        except TimeoutError:
            if not deadline.expired():
                raise
            late = HTTPException(HTTPStatus.GATEWAY_TIMEOUT, "the request took too long", {"Retry-After": "1"})
            await of_http_error(late, scope["path"])(scope, receive, dressed)

    def _call(self, headers: Headers) -> Call:
        given = headers.get("x-request-id", "")
        return Call(
            token=headers.get("authorization", ""),
            request_id=given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex,
            deadline=time.monotonic() + self._request_seconds,
        )

    def _dress(self, headers: MutableHeaders, call: Call, scope: Scope) -> None:
        headers["X-Request-Id"] = call.request_id
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        if self._secure and scope["scheme"] == "https":  # RFC 6797, section 7.2: never over plain HTTP
            headers["Strict-Transport-Security"] = HSTS
        headers.setdefault("Content-Security-Policy", DOCS_POLICY if scope["path"] == "/docs" else API_POLICY)
        headers.setdefault("Cache-Control", "no-store")
        headers.update(limits.headers_of(scope))
        if call.replayed:
            headers["Idempotent-Replayed"] = "true"


def _noting(send: Send, work: telemetry.Work) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            status = work.attributes["http.response.status_code"] = message["status"]
            work.error = str(status) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
        await send(message)

    return noting


def _to_https(scope: Scope) -> ASGIApp:
    """The same address over HTTPS; 308 keeps the method."""
    host = Headers(scope=scope).get("host", "")
    if _HOST.fullmatch(host) is None:
        return of_http_error(HTTPException(HTTPStatus.BAD_REQUEST, "the Host header is not valid"), scope["path"])
    return RedirectResponse(URL(scope=scope).replace(scheme="https"), HTTPStatus.PERMANENT_REDIRECT)
