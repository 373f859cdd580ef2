"""The four services as the gateway calls them."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from whatsinvoice.auth.v1 import auth_pb2, auth_pb2_grpc
from whatsinvoice.invoices.v1 import invoices_pb2, invoices_pb2_grpc
from whatsinvoice.notifications.v1 import notifications_pb2, notifications_pb2_grpc
from whatsinvoice.payments.v1 import payments_pb2, payments_pb2_grpc
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.client import DEFAULT_DEADLINE_S, Client
from whatsinvoice_kit.rpc.identity import SERVICE_TOKEN_SECONDS, ServiceIdentity

from whatsinvoice_gateway.circuit import Circuit
from whatsinvoice_gateway.settings import Settings

ResponseT = TypeVar("ResponseT")
Rpc = Callable[..., Awaitable[ResponseT]]
REUSED_SECONDS = SERVICE_TOKEN_SECONDS * 0.75


class Services:
    """Channels and stubs. Create inside the running loop; `close` at the end."""

    def __init__(self, settings: Settings, identity: ServiceIdentity) -> None:
        self._identity = identity
        self._tokens: dict[str, tuple[float, str, str]] = {}
        auth = auth_pb2.DESCRIPTOR.services_by_name["AuthService"]
        invoices = invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"]
        payments = payments_pb2.DESCRIPTOR.services_by_name["PaymentsService"]
        notifications = notifications_pb2.DESCRIPTOR.services_by_name["NotificationsService"]
        tls = settings.certificate_files()
        self._clients = {
            "auth": Client(settings.auth_grpc, auth, repeatable=("ExchangeApiKey",), tls=tls),
            "invoices": Client(settings.invoices_grpc, invoices, tls=tls),
            "payments": Client(settings.payments_grpc, payments, repeatable=("ReceivePaystackWebhook",), tls=tls),
            "notifications": Client(
                settings.notifications_grpc, notifications, repeatable=("ReceiveWhatsAppWebhook",), tls=tls
            ),
        }
        self._circuits = {name: Circuit(name) for name in self._clients}
        self.auth = auth_pb2_grpc.AuthServiceStub(self._clients["auth"].channel)
        self.invoices = invoices_pb2_grpc.InvoicesServiceStub(self._clients["invoices"].channel)
        self.payments = payments_pb2_grpc.PaymentsServiceStub(self._clients["payments"].channel)
        self.notifications = notifications_pb2_grpc.NotificationsServiceStub(self._clients["notifications"].channel)

    async def as_user(
        self, service: str, rpc: Any, request: Any, token: str | None = None, *, seconds: float = DEFAULT_DEADLINE_S
    ) -> Any:
        """Calls an RPC with the caller's own token, or this one of hers, and her idempotency key."""
        key = current_call().idempotency_key
        with self._circuits[service].guarding():
            return await self._clients[service].call(rpc, request, deadline=seconds, token=token, idempotency_key=key)

    async def as_gateway(self, service: str, rpc: Any, request: Any, *, seconds: float = DEFAULT_DEADLINE_S) -> Any:
        """Calls an RPC on behalf of somebody who has no account."""
        return await self.as_user(service, rpc, request, self._token(service), seconds=seconds)

    async def get_key_set(self) -> auth_pb2.GetKeySetResponse:
        """Auth's public keys."""
        response: auth_pb2.GetKeySetResponse = await self.as_gateway(
            "auth", self.auth.GetKeySet, auth_pb2.GetKeySetRequest()
        )
        return response

    async def watch_revocations(self, cursor: str) -> AsyncGenerator[auth_pb2.WatchRevocationsResponse, None]:
        """What ends at auth, from a cursor on; raises ServiceError when auth goes away."""
        request = auth_pb2.WatchRevocationsRequest(cursor=cursor)
        watching = self._clients["auth"].watch(self.auth.WatchRevocations, request, token=self._token("auth"))
        async with aclosing(watching):
            async for response in watching:
                yield response

    def _token(self, service: str) -> str:
        """The gateway's own token for a service; signing costs as much as a query, so one serves for 45 s."""
        until, kid, token = self._tokens.get(service, (0.0, "", ""))
        if until < time.monotonic() or kid != self._identity.kid:
            kid, token = self._identity.kid, self._identity.token(service)
            self._tokens[service] = (time.monotonic() + REUSED_SECONDS, kid, token)
        return token

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
