"""gRPC channels to other services: exact deadlines, the caller's metadata, retries only where a repeat is harmless."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.observe import telemetry
from whatsinvoice_kit.observe.telemetry import current_traceparent
from whatsinvoice_kit.rpc.call import Call, attributes_of, current_call
from whatsinvoice_kit.rpc.errors import from_rpc_error
from whatsinvoice_kit.rpc.renewed_channel import RenewedChannel
from whatsinvoice_kit.rpc.tls import CertificateFiles, name_of

DEFAULT_DEADLINE_S = 5.0
MAX_MESSAGE = 8 * 1024 * 1024
MAX_METADATA = 128 * 1024
"""Errors travel as metadata: beyond gRPC's own 8 KiB a long list of wrong fields is refused now and then."""
RETRY_POLICY = {
    "maxAttempts": 3,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 3,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
READS = ("Get", "List")

TokenSource = Callable[[Call], str]
"""Chooses the token for a call that goes out while another is being served."""


def forwarded(call: Call) -> str:
    """The caller's own token goes on to the next service."""
    return call.token.partition(" ")[2]


def _options(service: ServiceDescriptor, repeatable: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Channel options; keepalive agrees with the server's. No timeout here: it would fire early (grpc #34547)."""
    retried = [name for name in service.methods_by_name if name.startswith(READS) or name in repeatable]
    config = {
        "methodConfig": [
            {"name": [{"service": service.full_name, "method": name} for name in retried], "retryPolicy": RETRY_POLICY}
        ],
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": service.full_name},  # a server that is to end gets no more calls
    }
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.max_metadata_size", MAX_METADATA),
        ("grpc.absolute_max_metadata_size", MAX_METADATA),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # gRPC's own is up to two minutes: a service that is back must be found at once
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.service_config", json.dumps(config)),
    ]


def _secured(
    address: str, service: ServiceDescriptor, tls: CertificateFiles, options: list[tuple[str, Any]]
) -> grpc.aio.Channel:
    name = service.file.package.split(".")[1]  # whatsinvoice.invoices.v1
    return cast("grpc.aio.Channel", RenewedChannel(address, name_of(name), tls, options))


class Client:
    """A channel to one service. Create it inside the running loop; `call` is used for every RPC.

    Reads are tried again while the service is away, and so are the writes named as repeatable: those whose request is
    its own idempotency key (a webhook's body, a code's id). With certificates, the other side must prove to be the
    service whose descriptor this is, whatever its address.
    """

    def __init__(
        self,
        target: str,
        service: ServiceDescriptor,
        token: TokenSource = forwarded,
        repeatable: tuple[str, ...] = (),
        tls: CertificateFiles | None = None,
    ) -> None:
        address = target if "://" in target or target.startswith("dns:") else f"dns:///{target}"
        options = _options(service, repeatable)
        self.channel = (
            _secured(address, service, tls, options) if tls else grpc.aio.insecure_channel(address, options=options)
        )
        self._token = token
        self._service = service.full_name

    async def call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Any, Any] | Callable[..., Any]",
        request: Any,
        *,
        deadline: float = DEFAULT_DEADLINE_S,
        idempotency_key: str = "",
        token: str | None = None,
    ) -> Any:
        """Calls an RPC of a stub on this channel and gives its response.

        The deadline (seconds) is the smaller of this one and what is left of the call being served.

        Raises:
            ServiceError: what the other side raised, or UNAVAILABLE.
        """
        current = current_call()
        seconds = min(deadline, current.seconds_left)
        if seconds <= 0:  # gRPC takes 0 for no deadline at all
            raise ServiceError(Kind.UNAVAILABLE, "UPSTREAM_TIMEOUT", "a service took too long", retry_after=1)
        # a stub's method does not tell its name; buf holds requests to that of their RPC
        name = f"{self._service}/{type(request).__name__.removesuffix('Request')}"
        with telemetry.span(name, "client", attributes_of(name)):
            metadata = self._metadata(current, token, idempotency_key)
            return await _answer(method(request, timeout=seconds, metadata=metadata), current, idempotency_key)

    async def watch(
        self, method: "grpc.aio.UnaryStreamMultiCallable[Any, Any] | Callable[..., Any]", request: Any, *, token: str
    ) -> AsyncGenerator[Any, None]:
        """The responses of a server stream, which has no deadline; raises ServiceError as `call` does."""
        rpc = method(request, metadata=self._metadata(current_call(), token, ""))
        try:
            async for response in rpc:
                yield response
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        finally:
            rpc.cancel()

    def _metadata(self, current: Call, token: str | None, idempotency_key: str) -> tuple[tuple[str, str], ...]:
        pairs = (
            ("x-request-id", current.request_id),
            ("traceparent", current_traceparent()),
            ("idempotency-key", idempotency_key),
            ("authorization", f"Bearer {self._token(current) if token is None else token}"),
        )
        return tuple((name, value) for name, value in pairs if value)

    async def close(self) -> None:
        """Closes the channel."""
        await asyncio.shield(self.channel.close())


async def _answer(rpc: Any, current: Call, idempotency_key: str) -> Any:
    """The response of a call that is under way; notes whether it is an earlier one to the caller's own key."""
    try:
        response = await rpc
        if idempotency_key and idempotency_key == current.idempotency_key:  # it was passed on
            trailing = {tuple(pair) for pair in await rpc.trailing_metadata()}
            current.replayed |= ("idempotent-replayed", "true") in trailing
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return response
