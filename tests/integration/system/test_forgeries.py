"""The whole corpus of forged tokens at the gateway and at each service's own port: nobody believes any of them (A2)."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY
from support.builders import a_business_registered
from support.forgeries import SIZE, Forger
from support.sample import eventually
from support.services import bearer, channel_to, publish
from support.system import SERVICES, KeyFiles, System, whole_system
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice.notifications.v1 import notifications_pb2
from whatsinvoice.notifications.v1.notifications_pb2_grpc import NotificationsServiceStub
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice.payments.v1.payments_pb2_grpc import PaymentsServiceStub
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.rpc.tokens import USER_AUDIENCE, USER_ISSUER, generate_key, sign

Ask = Callable[[str], Awaitable[str]]
"""Comes with a token and tells how that ended."""
OF_USERS: Mapping[str, tuple[Any, Any]] = {
    "auth": (AuthServiceStub, auth_pb2.ListSessionsRequest()),
    "invoices": (InvoicesServiceStub, invoices_pb2.ListInvoicesRequest()),
    "payments": (PaymentsServiceStub, payments_pb2.ListPaymentsRequest()),
    "notifications": (NotificationsServiceStub, notifications_pb2.ListMessagesRequest()),
}
OF_THE_GATEWAY: Mapping[str, tuple[Any, Any]] = {
    "auth": (AuthServiceStub, auth_pb2.GetKeySetRequest()),
    "invoices": (InvoicesServiceStub, invoices_pb2.GetPublicInvoiceRequest(token="nothing")),
    "payments": (PaymentsServiceStub, payments_pb2.StartCheckoutRequest(token="nothing")),
    "notifications": (NotificationsServiceStub, notifications_pb2.VerifyWhatsAppWebhookRequest(mode="nothing")),
}
GATEWAYS_END = {"auth": "OK", "invoices": "NOT_FOUND", "payments": "UNAVAILABLE", "notifications": "PERMISSION_DENIED"}
AT_ONCE = 32


@pytest.fixture
async def system(migrated: dict[str, str], redis_url: str, key_files: KeyFiles) -> AsyncIterator[System]:
    async with whole_system(migrated, redis_url) as system:
        yield system


@pytest.fixture
async def business_id(system: System, redis_url: str) -> str:
    """A business that invoices hears of."""
    business_id = new_id("biz")
    await publish(redis_url, "whatsinvoice.auth.v1", a_business_registered(business_id))
    return business_id


def _forger(files: KeyFiles, issuer: str, audience: str, **extra: str) -> Forger:
    neighbour = "whatsinvoice-auth" if issuer == USER_ISSUER else USER_ISSUER
    key, other = (json.loads(files.of(name).read_text()) for name in (issuer, neighbour))
    return Forger(key, issuer, audience, other, extra)


def _rpc(stub: Any, request: Any) -> Ask:
    async def ask(token: str) -> str:
        try:
            await getattr(stub, type(request).__name__.removesuffix("Request"))(request, metadata=bearer(token))
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    return ask


async def _all_refused(forger: Forger, ask: Ask, status: str, good_ends: str) -> int:
    """Every token of the corpus ends so, and a good one as it should, before and after; gives how many were tried."""
    good = forger.signed(forger.claims())

    async def is_believed() -> bool:
        return await ask(good) == good_ends

    await eventually(is_believed)
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(wrong: str, token: str) -> tuple[str, str]:
        async with turn:
            return wrong, await ask(token)

    ended = await asyncio.gather(*(one(wrong, token) for wrong, token in forger.corpus().items()))
    assert {wrong: end for wrong, end in ended if end != status} == {}
    assert await is_believed()
    return len(ended)


@pytest.mark.parametrize("of_users", [True, False], ids=["users", "gateways"])
async def test_every_port_refuses_the_corpus_and_takes_a_good_token(
    system: System, key_files: KeyFiles, business_id: str, of_users: bool
) -> None:
    """A good token of the gateway finds no such invoice, and no such subscription."""
    tried: Counter[str] = Counter()
    for service in SERVICES:
        issuer = USER_ISSUER if of_users else "whatsinvoice-gateway"
        audience = USER_AUDIENCE if of_users else f"whatsinvoice-{service}"
        scopes = "account:self invoices:read payments:read messages:read"
        forger = _forger(key_files, issuer, audience, biz=business_id, scope=scopes)
        stub, request = (OF_USERS if of_users else OF_THE_GATEWAY)[service]
        good_ends = "OK" if of_users else GATEWAYS_END[service]
        async with channel_to(system.processes[service]) as channel:
            tried[service] = await _all_refused(forger, _rpc(stub(channel), request), "UNAUTHENTICATED", good_ends)
    print(f"refused: {dict(tried)}")  # noqa: T201  (figures to be read)
    assert tried == dict.fromkeys(SERVICES, SIZE)


async def test_the_gateway_refuses_the_corpus_and_takes_a_good_token(
    system: System, key_files: KeyFiles, business_id: str
) -> None:
    forger = _forger(key_files, USER_ISSUER, USER_AUDIENCE, biz=business_id, scope="invoices:read")

    async def ask(token: str) -> str:
        answer = await system.client.get("/v1/invoices", headers={"Authorization": f"Bearer {token}".strip()})
        return str(answer.status_code)

    assert await _all_refused(forger, ask, "401", "200") == SIZE


async def test_unknown_keys_ask_auth_for_its_set_once_a_minute_at_most(system: System, key_files: KeyFiles) -> None:
    def fetched() -> float:
        labels = {"method": "GetKeySet", "code": "OK"}
        return REGISTRY.get_sample_value("rpc_server_seconds_count", labels) or 0

    before = fetched()
    for _ in range(30):
        key = generate_key()
        token = sign(key, issuer=USER_ISSUER, audience=USER_AUDIENCE, subject="usr_1", seconds=60)
        answer = await system.client.get("/v1/invoices", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
    assert fetched() - before == 1
