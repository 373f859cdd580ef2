"""A server, the servicer behind it that does what a test says, and a client to it, on a real channel."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.observe.telemetry import current_traceparent
from whatsinvoice_kit.rpc.call import Call, current_call
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import allow
from whatsinvoice_kit.rpc.server import Gate, RpcServer
from whatsinvoice_kit.rpc.tokens import Verifier, parse_key_sets

from support.keys import Keyring

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["InvoicesService"]
ACCESS = {
    "GetInvoice": allow("notifications", scope="invoices:read"),
    "CreateInvoice": allow("notifications", scope="invoices:write"),
    "GetPayable": allow("payments"),
}
Behaviour = Callable[[Any], Awaitable[Any]]
_Servicer: Any = invoices_pb2_grpc.InvoicesServiceServicer


async def _answer(_: Any) -> pb.GetInvoiceResponse:
    return pb.GetInvoiceResponse()


class Invoices(_Servicer):  # type: ignore[misc]  # three RPCs are all that the kit needs to be proven
    """Does what the test says, and keeps the call as it saw it."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = _answer
        self.calls: list[Call] = []
        self.traces: list[str] = []

    async def _serve(self, request: Any) -> Any:
        self.calls.append(current_call())
        self.traces.append(current_traceparent())
        return await self.behaviour(request)

    async def GetInvoice(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        return await self._serve(request)

    async def CreateInvoice(self, request: Any, context: Any) -> Any:  # noqa: N802  (as above)
        await self._serve(request)
        return pb.CreateInvoiceResponse()

    async def GetPayable(self, request: Any, context: Any) -> Any:  # noqa: N802  (as above)
        await self._serve(request)
        return pb.GetPayableResponse()

    async def IssueInvoice(self, request: Any, context: Any) -> Any:  # noqa: N802  (served, and not in the table)
        await self._serve(request)
        return pb.IssueInvoiceResponse()


class Hop:
    """A server, the servicer behind it, and a client to it."""

    def __init__(self, keyring: Keyring) -> None:
        self.servicer = Invoices()
        self.server = RpcServer(Gate(Verifier(parse_key_sets(keyring.trusted), "invoices"), ACCESS), "127.0.0.1:0")
        self.server.add(invoices_pb2_grpc.add_InvoicesServiceServicer_to_server, self.servicer, DESCRIPTOR.full_name)
        self.token = keyring.user_token("biz_1")

    async def start(self) -> None:
        await self.server.start()
        self.client = Client(f"127.0.0.1:{self.server.port}", DESCRIPTOR, token=lambda _: self.token)
        self.stub: Any = invoices_pb2_grpc.InvoicesServiceStub(self.client.channel)

    async def get(self, **options: Any) -> Any:
        return await self.client.call(self.stub.GetInvoice, pb.GetInvoiceRequest(), **options)

    async def create(self, **options: Any) -> Any:
        return await self.client.call(self.stub.CreateInvoice, pb.CreateInvoiceRequest(), **options)

    async def refusal(self, rpc: str, token: str | None = None) -> ServiceError:
        request = getattr(pb, f"{rpc}Request")()
        with pytest.raises(ServiceError) as error:
            await self.client.call(getattr(self.stub, rpc), request, token=token)
        return error.value


@asynccontextmanager
async def running_hop(keyring: Keyring) -> AsyncIterator[Hop]:
    hop = Hop(keyring)
    await hop.start()
    yield hop
    await hop.client.close()
    await hop.server.stop(0)
