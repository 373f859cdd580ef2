"""Notifications running on real parts, and what a test does with it."""

import asyncio
import hashlib
import hmac
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import httpx
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import RowMapping, Table, select, update
from support.keys import Keyring
from support.notifications.parts import (
    APP_SECRET,
    AUTH_ACCESS,
    INVOICES_ACCESS,
    NUMBER_ID,
    TOKEN,
    Auth,
    Invoices,
)
from support.sandbox import Entrance
from support.services import bearer, channel_to, publish, running
from whatsinvoice.auth.v1 import auth_pb2, auth_pb2_grpc
from whatsinvoice.auth.v1.events_pb2 import CodeRequested, MemberChanged, PlaceChosen
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import events_pb2, invoices_pb2, invoices_pb2_grpc
from whatsinvoice.notifications.v1 import notifications_pb2 as pb
from whatsinvoice.notifications.v1.notifications_pb2_grpc import NotificationsServiceStub
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.rpc.server import Gate, RpcServer
from whatsinvoice_kit.rpc.tokens import Verifier, parse_key_sets
from whatsinvoice_kit.runtime import Process
from whatsinvoice_notifications.__main__ import SPEC
from whatsinvoice_notifications.models import KIT_TABLES, MEMBERS, MESSAGES

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PATIENCE_SECONDS = 40.0
VERIFY_TOKEN = "verify-token-of-the-tests"
HTTP_OF = {grpc.StatusCode.UNAUTHENTICATED: 401, grpc.StatusCode.INVALID_ARGUMENT: 400}
LINE = "Invoice Jane {phone} 75000 for logo design due tomorrow"


def a_phone() -> str:
    """A Nigerian mobile number in E.164 that no other test uses."""
    return f"+23480{secrets.randbelow(90_000_000) + 10_000_000}"


def signed(body: bytes) -> str:
    return "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Merchant:
    business_id: str
    phone: str
    customer: str = field(default_factory=a_phone)

    @property
    def line(self) -> str:
        return LINE.format(phone=self.customer)


@dataclass
class Stage:
    """A running service, the sandbox it talks to, and invoices."""

    process: Process[Any]
    stub: NotificationsServiceStub
    invoices: Invoices
    auth: Auth
    keyring: Keyring
    sandbox: httpx.AsyncClient
    redis_url: str

    @property
    def as_gateway(self) -> tuple[tuple[str, str], ...]:
        return bearer(self.keyring.service_token("gateway", "notifications"))

    async def until(self, truth: Callable[[], Awaitable[Any]]) -> Any:
        """Waits for something true and gives it; fails the test when it does not come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await truth()):  # noqa: ASYNC110  (it happens in other processes)
                await asyncio.sleep(0.03)
        return found

    async def rows(self, table: Table, **where: Any) -> Sequence[RowMapping]:
        statement = select(table).where(*(table.c[name] == value for name, value in where.items()))
        async with self.process.unit_of_work.begin() as tx:
            return (await tx.execute(statement)).mappings().all()

    async def no_status_waits(self) -> bool:
        """Return whether every stored status was applied."""
        return not await self.rows(KIT_TABLES.work, kind="message_status")

    async def leave_nothing_due(self) -> int:
        """What waits now is not for the next file's service, whose faults it would use up; how many waited."""
        waiting = update(MESSAGES).where(MESSAGES.c.status == "queued")
        async with self.process.unit_of_work.begin() as tx:
            left = await tx.execute(waiting.values(next_attempt_at=now() + timedelta(days=1)).returning(MESSAGES.c.id))
        return len(left.all())

    async def receive(self, body: bytes, signature: str | None = None) -> None:
        request = pb.ReceiveWhatsAppWebhookRequest(
            body=body, signature=signed(body) if signature is None else signature
        )
        await self.stub.ReceiveWhatsAppWebhook(request, metadata=self.as_gateway)

    async def forward(self, body: bytes, signature: str) -> int:
        """As the gateway: the status that Meta is answered."""
        try:
            await self.receive(body, signature)
        except grpc.aio.AioRpcError as error:
            return HTTP_OF.get(error.code(), 503)
        return 200

    async def a_merchant(self, **changes: Any) -> Merchant:
        """A verified owner whom the service knows."""
        merchant = Merchant(new_id("biz"), a_phone())
        await self.member_changed(merchant, **changes)
        await self.until(lambda: self.rows(MEMBERS, business_id=merchant.business_id))
        return merchant

    async def member_changed(self, merchant: Merchant, **changes: Any) -> None:
        values: dict[str, Any] = {
            "event_id": new_id("evt"),
            "business_id": merchant.business_id,
            "aggregate_id": new_id("mbr"),
            "aggregate_version": 1,
            "user": auth_pb2.User(id=new_id("usr"), phone=merchant.phone, name="Ada Obi"),
            "role": auth_pb2.ROLE_OWNER,
            "active": True,
            "business": auth_pb2.Business(
                id=merchant.business_id,
                name="Ada Designs",
                country="NG",
                currency_code="NGN",
                time_zone="Africa/Lagos",
            ),
        }
        await publish(self.redis_url, "whatsinvoice.auth.v1", MemberChanged(**(values | changes)))

    async def choose(self, user_id: str, business_id: str, version: int = 2) -> None:
        """PlaceChosen, as auth publishes it."""
        event = PlaceChosen(
            event_id=new_id("evt"), business_id=business_id, aggregate_id=user_id, aggregate_version=version
        )
        await publish(self.redis_url, "whatsinvoice.auth.v1", event)

    async def request_code(self, phone: str, *, tag: str = "K7PM", minutes: int = 10, send: bool = True) -> str:
        """CodeRequested of a verification that auth knows. Return its id."""
        verification_id = new_id("ver")
        self.auth.known[verification_id] = (phone, tag)
        expires = Timestamp()
        expires.FromDatetime(now() + timedelta(minutes=minutes))
        event = CodeRequested(
            event_id=new_id("evt"), aggregate_id=verification_id, phone=phone, expire_time=expires, send=send
        )
        await publish(self.redis_url, "whatsinvoice.auth.v1", event)
        return verification_id

    async def write(self, phone: str, text: str = "", **how: Any) -> None:
        """A phone writes to the business number, or taps a button there."""
        written = {"text": text, **how} if text else how
        answer = await self.sandbox.post(f"/_control/phones/{phone}/messages", json=written)
        assert answer.status_code == 201, answer.text

    async def shown(self, phone: str) -> list[dict[str, Any]]:
        """What a phone has received from us."""
        answer = await self.sandbox.get(f"/_control/phones/{phone}/messages")
        return [message for message in answer.json()["messages"] if message["direction"] == "outbound"]

    async def heard(self, phone: str, count: int = 1) -> list[dict[str, Any]]:
        """Waits until a phone has received so many messages."""

        async def enough() -> list[dict[str, Any]]:
            found = await self.shown(phone)
            return found if len(found) >= count else []

        found: list[dict[str, Any]] = await self.until(enough)
        assert len(found) == count, [message.get("text") for message in found]
        return found

    async def fault(self, *faults: dict[str, Any]) -> None:
        answer = await self.sandbox.put("/_control/faults", json=list(faults))
        assert answer.status_code == 200, answer.text

    async def tell_issued(self, merchant: Merchant, invoice: invoices_pb2.Invoice) -> str:
        """InvoiceIssued, as invoices publishes it; gives the event's id."""
        event = events_pb2.InvoiceIssued(
            event_id=new_id("evt"),
            business_id=merchant.business_id,
            aggregate_id=invoice.id,
            aggregate_version=invoice.version,
            invoice=invoice,
            business_name="Ada Designs",
        )
        await publish(self.redis_url, "whatsinvoice.invoices.v1", event)
        return event.event_id

    async def tell_paid(self, merchant: Merchant, invoice: invoices_pb2.Invoice, due_minor: int = 0) -> None:
        """InvoicePaymentRecorded, and InvoicePaid as well when nothing is due any more, of the same receipt."""
        receipt = invoices_pb2.Receipt(
            id=new_id("rcp"),
            number="RCP-000001",
            invoice_id=invoice.id,
            amount=common_pb2.Money(currency_code="NGN", amount_minor=invoice.total_minor - due_minor),
            amount_due_minor=due_minor,
            public_url="https://pay.example/r/a-receipt",
        )
        invoice.version += 1
        invoice.amount_due_minor = due_minor
        invoice.status = invoices_pb2.INVOICE_STATUS_PARTIALLY_PAID if due_minor else invoices_pb2.INVOICE_STATUS_PAID
        common: dict[str, Any] = {
            "business_id": merchant.business_id,
            "aggregate_id": invoice.id,
            "aggregate_version": invoice.version,
            "invoice": invoice,
            "receipt": receipt,
            "business_name": "Ada Designs",
        }
        told: list[Any] = [events_pb2.InvoicePaymentRecorded(event_id=new_id("evt"), **common)]
        if not due_minor:
            told.append(events_pb2.InvoicePaid(event_id=new_id("evt"), **common))
        await publish(self.redis_url, "whatsinvoice.invoices.v1", *told)

    async def events(self, business_id: str) -> list[str]:
        """The types of the events in the outbox of a business, in order."""
        rows = await self.rows(KIT_TABLES.outbox, business_id=business_id)
        return [row["event_type"] for row in sorted(rows, key=lambda row: row["sequence"])]


@asynccontextmanager
async def staged(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    invoices = Invoices()
    verifier = Verifier(parse_key_sets(keyring.trusted), "invoices")
    standin = RpcServer(Gate(verifier, INVOICES_ACCESS), "127.0.0.1:0")
    name = invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"].full_name
    standin.add(invoices_pb2_grpc.add_InvoicesServiceServicer_to_server, invoices, name)
    await standin.start()
    auth, auth_verifier = Auth(), Verifier(parse_key_sets(keyring.trusted), "auth")
    auth_standin = RpcServer(Gate(auth_verifier, AUTH_ACCESS), "127.0.0.1:0")
    auth_name = auth_pb2.DESCRIPTOR.services_by_name["AuthService"].full_name
    auth_standin.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, auth, auth_name)
    await auth_standin.start()
    settings: dict[str, Any] = {
        **backing,
        "trusted_keys": keyring.trusted,
        "service_key": json.dumps(keyring.services["notifications"]),
        "claim_idle_ms": 300,
        "invoices_grpc": f"127.0.0.1:{standin.port}",
        "whatsapp_base_url": f"{sandbox_url}/graph/v23.0",
        "whatsapp_phone_number_id": NUMBER_ID,
        "whatsapp_access_token": TOKEN,
        "whatsapp_app_secret": APP_SECRET,
        "whatsapp_verify_token": VERIFY_TOKEN,
        "public_base_url": "https://pay.example",
        "auth_grpc": f"127.0.0.1:{auth_standin.port}",
        "retry_seconds": 0.2,
    }
    async with (
        running(SPEC, **settings) as process,
        channel_to(process) as channel,
        httpx.AsyncClient(base_url=sandbox_url, trust_env=False, verify=NO_TLS) as sandbox,
    ):
        stub = NotificationsServiceStub(channel)
        stage = Stage(process, stub, invoices, auth, keyring, sandbox, backing["redis_url"])
        loop = asyncio.get_running_loop()
        door.forward = lambda body, sign: asyncio.run_coroutine_threadsafe(stage.forward(body, sign), loop).result(5)
        yield stage
        door.forward = None
    await standin.stop(0)
    await auth_standin.stop(0)
