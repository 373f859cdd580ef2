"""Payments running on real parts, and what a test does with it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
from sqlalchemy import RowMapping, func, select
from support.builders import a_business_registered
from support.keys import Keyring
from support.payments.parts import HTTP_OF, SECRET_KEY, Invoices
from support.sandbox import Entrance
from support.services import bearer, channel_to, publish, running
from whatsinvoice.invoices.v1 import invoices_pb2, invoices_pb2_grpc
from whatsinvoice.payments.v1 import events_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice.payments.v1.payments_pb2_grpc import PaymentsServiceStub
from whatsinvoice_kit.rpc.identity import allow
from whatsinvoice_kit.rpc.server import Gate, RpcServer
from whatsinvoice_kit.rpc.tokens import Verifier, parse_key_sets
from whatsinvoice_kit.runtime import Process
from whatsinvoice_payments.__main__ import SPEC
from whatsinvoice_payments.domain.webhook import signature_of
from whatsinvoice_payments.models import BUSINESSES, KIT_TABLES, LEDGER_ENTRIES, PAYMENTS, WEBHOOK_EVENTS

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
Rows = Sequence[RowMapping]


@dataclass
class Stage:
    """A running payments service, the sandbox it talks to, and invoices."""

    process: Process[Any]
    stub: PaymentsServiceStub
    invoices: Invoices
    keyring: Keyring
    sandbox: httpx.AsyncClient
    redis_url: str
    settings: Mapping[str, Any]

    @property
    def as_gateway(self) -> tuple[tuple[str, str], ...]:
        return bearer(self.keyring.service_token("gateway", "payments"))

    def as_merchant(self, token: str) -> tuple[tuple[str, str], ...]:
        return bearer(self.keyring.user_token(self.invoices.by_token[token].business_id))

    def business(self, token: str) -> str:
        return self.invoices.by_token[token].business_id

    async def known(self, token: str, **changes: str) -> None:
        """Auth tells of the business, and payments has heard it."""
        business_id = self.business(token)
        await publish(self.redis_url, "whatsinvoice.auth.v1", a_business_registered(business_id, **changes))

        async def there() -> bool:
            return bool(await self.rows(select(BUSINESSES).where(BUSINESSES.c.id == business_id)))

        await eventually(there, lambda: self.rows(select(BUSINESSES)))

    async def transfer(self, account_number: str, amount_minor: int) -> int:
        """Somebody sends money to an account at the provider; gives the control's status."""
        sent = {"account_number": account_number, "amount_minor": amount_minor}
        return (await self.sandbox.post("/_control/transfers", json=sent)).status_code

    async def start(self, token: str) -> pb.StartCheckoutResponse:
        return await self.stub.StartCheckout(pb.StartCheckoutRequest(token=token), metadata=self.as_gateway)

    async def pay(self, checkout: pb.StartCheckoutResponse, outcome: str = "success", **act: Any) -> None:
        """The payer acts at the checkout."""
        code = checkout.authorization_url.rpartition("/")[2]
        answer = await self.sandbox.post(f"/_control/checkouts/{code}", json={"outcome": outcome, **act})
        assert answer.status_code == 200, answer.text

    async def fault(self, call: str, fault: str, *, silent: bool = False, **how: Any) -> None:
        """`silent`: and no webhook comes."""
        armed = [{"provider": "paystack", "call": call, "fault": fault, **how}]
        if silent:
            armed.append({"provider": "paystack", "call": "webhook", "fault": "drop"})
        answer = await self.sandbox.put("/_control/faults", json=armed)
        assert answer.status_code == 200, answer.text

    async def no_faults(self) -> None:
        await self.sandbox.put("/_control/faults", json=[])

    async def deliver(self, body: bytes, signature: str | None = None) -> None:
        """A webhook as the gateway passes it on; signed with the right key unless told otherwise."""
        signature = signature_of(SECRET_KEY, body) if signature is None else signature
        request = pb.ReceivePaystackWebhookRequest(body=body, signature=signature)
        await self.stub.ReceivePaystackWebhook(request, metadata=self.as_gateway)

    async def verified(self, reference: str) -> dict[str, Any]:
        """The provider's own view of a transaction."""
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        answer = await self.sandbox.get(f"/paystack/transaction/verify/{reference}", headers=headers)
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def charge_success(self, reference: str, *, told_as: str = "", **lies: Any) -> bytes:
        """A `charge.success` about a transaction, with some of its fields, or its reference, told otherwise."""
        data = await self.verified(reference) | {"reference": told_as or reference} | lies
        return json.dumps({"event": "charge.success", "data": data}).encode()

    async def payments(self, token: str) -> Rows:
        invoice_id = self.invoices.by_token[token].invoice_id
        statement = select(PAYMENTS).where(PAYMENTS.c.invoice_id == invoice_id).order_by(PAYMENTS.c.number)
        return await self.rows(statement)

    async def statuses(self, token: str) -> list[str]:
        return [row["status"] for row in await self.payments(token)]

    async def webhooks(self, natural_id: str) -> Rows:
        statement = select(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.natural_id == natural_id)
        return await self.rows(statement.order_by(WEBHOOK_EVENTS.c.received_at))

    async def attempts(self, natural_id: str) -> int:
        """Return how often the waiting webhooks about something were tried."""
        work, events = KIT_TABLES.work, WEBHOOK_EVENTS
        mine = select(events.c.id).where(events.c.natural_id == natural_id)
        rows = await self.rows(select(work.c.attempts).where(work.c.kind == "webhook", work.c.key.in_(mine)))
        return sum(row["attempts"] for row in rows)

    async def count_webhooks(self) -> int:
        return int((await self.rows(select(func.count().label("n")).select_from(WEBHOOK_EVENTS)))[0]["n"])

    async def ledger(self, token: str) -> dict[str, int]:
        business_id = self.invoices.by_token[token].business_id
        statement = select(LEDGER_ENTRIES).where(LEDGER_ENTRIES.c.business_id == business_id)
        sums: dict[str, int] = {}
        for row in await self.rows(statement):
            sums[row["account"]] = sums.get(row["account"], 0) + row["amount_minor"]
        return sums

    async def told(self, token: str) -> list[events_pb2.PaymentSucceeded | events_pb2.PaymentFailed]:
        """The events that left about the business, in order."""
        outbox = KIT_TABLES.outbox
        business_id = self.invoices.by_token[token].business_id
        statement = select(outbox).where(outbox.c.business_id == business_id).order_by(outbox.c.sequence)
        rows = await self.rows(statement)
        return [getattr(events_pb2, row["event_type"]).FromString(row["payload"]) for row in rows]

    async def rows(self, statement: Any) -> Rows:
        """What a statement selects, of all businesses."""
        async with self.process.unit_of_work.read() as tx:
            return (await tx.execute(statement)).mappings().all()

    async def becomes(self, token: str, *statuses: str, seconds: float = 40.0) -> None:
        """Waits until the invoice's attempts have these statuses."""
        await eventually(lambda: self._has(token, statuses), lambda: self.statuses(token), seconds)

    async def _has(self, token: str, statuses: Sequence[str]) -> bool:
        return await self.statuses(token) == list(statuses)

    async def outcome(self, natural_id: str, *outcomes: str) -> None:
        """Waits until the webhooks about something have these outcomes; an empty one still waits."""

        async def has() -> bool:
            return sorted(row["outcome"] for row in await self.webhooks(natural_id)) == sorted(outcomes)

        await eventually(has, lambda: self.webhooks(natural_id))


async def eventually(
    truth: Callable[[], Awaitable[object]], instead: Callable[[], Awaitable[object]], seconds: float = 40.0
) -> None:
    """Waits until something is true; after so many seconds fails with what there is instead."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not await truth():
        assert loop.time() < until, await instead()
        await asyncio.sleep(0.02)


@contextmanager
def _opened(door: Entrance, stage: Stage) -> Iterator[None]:
    """Lets webhooks in while the service runs."""
    port = stage.process.rpc.port if stage.process.rpc else 0
    blocking: Any = grpc.insecure_channel(f"127.0.0.1:{port}")  # the stub's types know aio channels only
    with blocking as channel:
        stub: Any = PaymentsServiceStub(channel)

        def forward(body: bytes, signature: str) -> int:
            request = pb.ReceivePaystackWebhookRequest(body=body, signature=signature)
            try:
                stub.ReceivePaystackWebhook(request, metadata=stage.as_gateway, timeout=5)
            except grpc.RpcError as error:
                code: Any = error
                return HTTP_OF.get(code.code(), 503)
            return 200

        before, door.forward = door.forward, forward
        yield
        door.forward = before


@asynccontextmanager
async def staged(
    backing: Mapping[str, str], keyring: Keyring, sandbox_url: str, door: Entrance, **changes: Any
) -> AsyncIterator[Stage]:
    """Starts payments, or half of it, against the sandbox; `backing` holds its database_url and redis_url."""
    only = changes.pop("only", "")
    invoices = Invoices()
    verifier = Verifier(parse_key_sets(keyring.trusted), "invoices")
    rpc = RpcServer(Gate(verifier, {"GetPayable": allow("payments"), "GetEvidence": allow("payments")}), "127.0.0.1:0")
    descriptor = invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"]
    rpc.add(invoices_pb2_grpc.add_InvoicesServiceServicer_to_server, invoices, descriptor.full_name)
    await rpc.start()
    settings = {
        "trusted_keys": keyring.trusted,
        "service_key": json.dumps(keyring.services["payments"]),
        "invoices_grpc": f"127.0.0.1:{rpc.port}",
        "paystack_base_url": f"{sandbox_url}/paystack",
        "paystack_secret_key": SECRET_KEY,
        "webhook_retry_seconds": 0.05,
        "reconcile_seconds": 0.1,
        "claim_idle_ms": 300,
        "provider_pause_seconds": 0.2,  # a fault of one test is over before the next
        **backing,
        **changes,
    }
    async with (
        running(SPEC, only=only, **settings) as process,
        channel_to(process) as channel,
        httpx.AsyncClient(base_url=sandbox_url, trust_env=False, verify=NO_TLS) as sandbox,
    ):
        stage = Stage(process, PaymentsServiceStub(channel), invoices, keyring, sandbox, backing["redis_url"], settings)
        await stage.no_faults()
        with _opened(door, stage):
            yield stage
    await rpc.stop(0)
