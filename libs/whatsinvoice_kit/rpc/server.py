"""The gRPC server: one interceptor that proves the caller, sets the call, maps errors, counts and logs."""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import Histogram

from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid
from whatsinvoice_kit.observe import telemetry
from whatsinvoice_kit.rpc.call import Call, attributes_of, serving
from whatsinvoice_kit.rpc.errors import abort
from whatsinvoice_kit.rpc.identity import AccessTable, authenticate, authorize
from whatsinvoice_kit.rpc.text import check_message
from whatsinvoice_kit.rpc.tls import CertificateFiles, check_peer
from whatsinvoice_kit.rpc.tokens import Verifier

log = structlog.get_logger(__name__)

OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.v1alpha.ServerReflection/")
MAX_MESSAGE = 8 * 1024 * 1024
MAX_METADATA = 2 * 1024 * 1024
MAX_IDEMPOTENCY_KEY = 255
FAULTS = ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
"""Codes that are a server's own failure, to OpenTelemetry's conventions."""
_NEARLY = 0.1
"""Seconds. gRPC rounds a deadline up, and the caller, whose clock began first, hangs up a moment before ours is due."""
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    # so that a token of a megabyte is refused as any other, by us; callers may send eight of message anyway
    ("grpc.max_metadata_size", MAX_METADATA),
    ("grpc.absolute_max_metadata_size", MAX_METADATA),
    # agree with the client's keepalive of 60 s
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),  # or a second process would take the port, and half of the calls, in silence
    # so that clients spread again over replicas that came later
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
]
SECONDS = Histogram(
    "rpc_server_seconds",
    "Time to serve an RPC",
    ["method", "code"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context], Awaitable[Any]]
StreamBehaviour = Callable[[Any, Context], AsyncIterator[Any]]


def _unknown(_: BaseException) -> ServiceError | None:
    return None


class Gate(grpc.aio.ServerInterceptor):
    """Nothing reaches a servicer without passing here, health and reflection apart.

    It guards unary RPCs and server streams. A client's stream would pass unguarded, so to callers it does not exist
    (UNIMPLEMENTED). Streams end when `stopping` is set, or a server could not drain.
    """

    def __init__(
        self, verifier: Verifier, access: AccessTable, known: Callable[[BaseException], ServiceError | None] = _unknown
    ) -> None:
        self.stopping = asyncio.Event()
        self._verifier = verifier
        self._access = access
        self._known = known
        """What a caller may hear of an exception that is no ServiceError; None: nothing."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(OPEN_SERVICES):
            return handler
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            behaviour = cast("Behaviour", handler.unary_unary)
            return grpc.unary_unary_rpc_method_handler(self._guarded(method, behaviour), **coders)
        if handler.unary_stream:
            streaming = cast("StreamBehaviour", handler.unary_stream)
            return grpc.unary_stream_rpc_method_handler(self._guarded_stream(method, streaming), **coders)
        return None

    def _guarded(self, method: str, behaviour: Behaviour) -> Behaviour:
        async def guarded(request: Any, context: Context) -> Any:
            async with self._admitted(method, context) as call:
                check_message(request)
                response = await behaviour(request, context)
                if call.replayed:
                    context.set_trailing_metadata((("idempotent-replayed", "true"),))
                return response

        return guarded

    def _guarded_stream(self, method: str, behaviour: StreamBehaviour) -> StreamBehaviour:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self._admitted(method, context):
                check_message(request)
                async for response in _until(self.stopping, behaviour(request, context)):
                    yield response

        return guarded

    @asynccontextmanager
    async def _admitted(self, method: str, context: Context) -> AsyncIterator[Call]:
        """Serves a proven call that the table allows; whatever is raised inside leaves as a gRPC status."""
        rpc = method.rpartition("/")[2]
        started = time.monotonic()
        metadata = {str(key): value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        call = _call_of(method, metadata, context.time_remaining())
        code = "CANCELLED"
        structlog.contextvars.bind_contextvars(request_id=call.request_id)
        with telemetry.span(
            method[1:], "server", attributes_of(method), within=metadata.get("traceparent", "")
        ) as work:
            try:
                call.identity = authenticate(self._verifier, call.token)
                check_peer(call.identity, context.auth_context())
                authorize(self._access, rpc, call.identity)
                _check_idempotency_key(call)
                structlog.contextvars.bind_contextvars(business_id=call.identity.business_id)
                with serving(call):
                    yield call
                code = "OK"
            except ServiceError as error:
                code = error.kind.name
                await abort(context, error)
            except grpc.aio.AbortError:
                code = context.code().name
                raise
            except Exception as error:  # every one is logged and answered
                if (known := self._known(error)) is not None:
                    code = known.kind.name
                    log.warning("rpc failed", method=method, reason=known.reason)
                    await abort(context, known)
                code = "INTERNAL"
                log_id = uuid.uuid4().hex[:12]
                log.exception("rpc failed", method=method, log_id=log_id)
                # the text of an unknown exception may hold anything: only the log's id goes to the caller
                await context.abort(grpc.StatusCode.INTERNAL, f"internal error (log id {log_id})")
            finally:
                if code == "CANCELLED" and call.seconds_left < _NEARLY:
                    code = "DEADLINE_EXCEEDED"  # we were too slow, and that is no whim of the caller's
                work.error = code if code in FAULTS else ""
                SECONDS.labels(rpc, code).observe(time.monotonic() - started, telemetry.exemplar())
                log.debug("rpc", method=method, status=code, ms=round((time.monotonic() - started) * 1000, 1))
                structlog.contextvars.clear_contextvars()


async def _until(stopping: asyncio.Event, responses: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The responses until there are no more, or UNAVAILABLE when the server stops: the caller then asks another."""
    stopped = asyncio.ensure_future(stopping.wait())
    following: asyncio.Future[Any] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(responses, None))
            await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                raise ServiceError(Kind.UNAVAILABLE, "SERVER_STOPPING", "the server stops", retry_after=1)
            response = following.result()
            if response is None:
                return
            yield response
    finally:
        left = [task for task in (stopped, following) if task is not None and not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _call_of(method: str, metadata: Mapping[str, str], seconds_left: float | None) -> Call:
    request_id = metadata.get("x-request-id", "")
    call = Call(
        method=method,
        token=metadata.get("authorization", ""),
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else uuid.uuid4().hex,
        idempotency_key=metadata.get("idempotency-key", ""),
    )
    if seconds_left is not None:
        call.deadline = time.monotonic() + seconds_left
    return call


def _check_idempotency_key(call: Call) -> None:
    """Refused and not cut short, or two keys could become one."""
    if len(call.idempotency_key) > MAX_IDEMPOTENCY_KEY:
        raise invalid("idempotency-key", "IDEMPOTENCY_KEY_TOO_LONG", "an idempotency key has at most 255 characters")


class RpcServer:
    """A server for some servicers, with health; `port` is known after `start`.

    It describes its services to every caller (reflection) unless `reflects` is false. With certificates it
    speaks to nobody who has none; without, it speaks plaintext.
    """

    def __init__(self, gate: Gate, address: str, tls: CertificateFiles | None = None, *, reflects: bool = True) -> None:
        self._gate = gate
        self._server = grpc.aio.server(interceptors=[gate], options=OPTIONS)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names: list[str] = []
        self._reflects = reflects
        self._address = address
        self._tls = tls
        self.port = 0

    def add(self, register: Callable[[Any, grpc.aio.Server], None], servicer: object, name: str) -> None:
        """Adds a servicer by its generated `add_…_to_server` and its full service name."""
        register(servicer, self._server)
        self._names.append(name)

    async def start(self) -> None:
        """Binds, serves, and reports SERVING."""
        if self._reflects:
            names = (reflection.SERVICE_NAME, health.SERVICE_NAME, *self._names)
            reflection.enable_server_reflection(names, self._server)
        self.port = (
            self._server.add_secure_port(self._address, self._tls.server_credentials())
            if self._tls
            else self._server.add_insecure_port(self._address)
        )
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def leave(self) -> None:
        """Reports NOT_SERVING and goes on serving: callers watch this, and call another process from then on."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace: float) -> None:
        """Reports NOT_SERVING, ends streams, lets running calls end within the grace (seconds), then closes."""
        self._gate.stopping.set()
        await self.leave()
        await self._server.stop(grace)
