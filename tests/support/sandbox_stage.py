"""A running sandbox with somebody listening to its webhooks."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from whatsinvoice_sandbox.server import Server
from whatsinvoice_sandbox.settings import Settings

SECRET_KEY = "sk_test_whatsinvoice"
APP_SECRET = "wa_app_secret"
TOKEN = "EAAG-token"
NUMBER_ID = "1065"
BUSINESS = "2347000000001"
MERCHANT, JANE = "2348031234567", "2348012345678"
PATIENCE_SECONDS = 20.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers with `answers` in turn, then 200."""

    answers: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.received.append(Received(request.url.path.strip("/"), dict(request.headers), await request.body()))
        await Response(status_code=self.answers.pop(0) if self.answers else 200)(scope, receive, send)


async def until(holds: Callable[[], object]) -> None:
    """Waits for a thing to become true; fails the test when it does not."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


@dataclass
class Stage:
    server: Server
    http: httpx.AsyncClient
    receiver: Receiver

    async def paystack(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        return await self.http.request(method, f"/paystack{path}", headers=headers, **how)

    async def graph(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {TOKEN}"}
        return await self.http.request(method, f"/graph/v23.0{path}", headers=headers, **how)

    async def initialize(self, **fields: Any) -> dict[str, Any]:
        body = {"email": "jane@example.com", "amount": 7500000, "reference": "01k3abc.1", **fields}
        answer = await self.paystack("POST", "/transaction/initialize", json=body)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def verify(self, reference: str = "01k3abc.1") -> dict[str, Any]:
        answer = await self.paystack("GET", f"/transaction/verify/{reference}")
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def send(self, to: str = JANE, **message: Any) -> httpx.Response:
        recipient = {"to": to} if to else {}
        body = {
            "messaging_product": "whatsapp",
            **recipient,
            **(message or {"type": "text", "text": {"body": "hello"}}),
        }
        return await self.graph("POST", f"/{NUMBER_ID}/messages", json=body)

    async def control(self, method: str, path: str, **how: Any) -> httpx.Response:
        return await self.http.request(method, f"/_control{path}", **how)

    async def write(self, phone: str = JANE, **written: Any) -> dict[str, Any]:
        answer = await self.control("POST", f"/phones/{phone}/messages", json=written or {"text": "hello"})
        assert answer.status_code == 201, answer.text
        message: dict[str, Any] = answer.json()
        return message

    async def shown(self, phone: str = JANE) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = (await self.control("GET", f"/phones/{phone}/messages")).json()["messages"]
        return messages

    async def pay(self, access_code: str, **act: Any) -> httpx.Response:
        return await self.control("POST", f"/checkouts/{access_code}", json=act)

    async def paid(self, reference: str = "01k3abc.1", **act: Any) -> dict[str, Any]:
        """A paid transaction of NGN 75,000 as verify tells it; its webhook has arrived."""
        access_code = (await self.initialize(reference=reference))["access_code"]
        assert (await self.pay(access_code, **{"outcome": "success", **act})).status_code == 200
        await until(lambda: any(told["data"]["reference"] == reference for told in self.told("charge.success")))
        return await self.verify(reference)

    async def refund(self, **fields: Any) -> dict[str, Any]:
        answer = await self.paystack("POST", "/refund", json={"transaction": "01k3abc.1", **fields})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def ledger(self) -> dict[str, Any]:
        ledger: dict[str, Any] = (await self.control("GET", "/ledger")).json()
        return ledger

    def told(self, event: str = "") -> list[dict[str, Any]]:
        """Paystack's webhooks whose event begins so, in the order of arrival."""
        all_told = [received.json for received in self.receiver.received if received.path == "paystack"]
        return [told for told in all_told if told["event"].startswith(event)]

    async def fault(self, **fault: Any) -> None:
        answer = await self.control("PUT", "/faults", json=[fault])
        assert answer.status_code == 200, answer.text

    def changes(self) -> list[dict[str, Any]]:
        """The values of all that Meta's webhooks have told."""
        return [
            change["value"]
            for told in self.receiver.received
            if told.path == "whatsapp"
            for entry in told.json["entry"]
            for change in entry["changes"]
        ]

    def inbound(self) -> list[dict[str, Any]]:
        return [message for value in self.changes() for message in value.get("messages", [])]

    def statuses(self) -> list[dict[str, Any]]:
        return [status for value in self.changes() for status in value.get("statuses", [])]


@asynccontextmanager
async def serving(server: uvicorn.Server, **sockets: Any) -> AsyncIterator[None]:
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(**sockets)
    yield
    # not server.shutdown(), which sleeps: a test has no connection left that would need it
    for listener in server.servers:
        listener.close()
    await server.lifespan.shutdown()


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    receiver = Receiver()
    config = uvicorn.Config(
        receiver.app, host="127.0.0.1", port=0, log_config=None, ws="none", lifespan="off", interface="asgi3"
    )
    listening = uvicorn.Server(config)
    async with serving(listening):
        port = listening.servers[0].sockets[0].getsockname()[1]
        server = Server(
            Settings(
                sandbox_port=0,
                sandbox_time_scale=0.0001,
                paystack_secret_key=SECRET_KEY,
                paystack_webhook_url=f"http://127.0.0.1:{port}/paystack",
                whatsapp_app_secret=APP_SECRET,
                whatsapp_access_token=TOKEN,
                whatsapp_webhook_url=f"http://127.0.0.1:{port}/whatsapp",
                whatsapp_phone_number_id=NUMBER_ID,
                whatsapp_business_number=f"+{BUSINESS}",
            )
        )
        async with (
            serving(server, sockets=[server.listener]),
            httpx.AsyncClient(base_url=server.address, trust_env=False, verify=NO_TLS) as client,
        ):
            yield Stage(server, client, receiver)
