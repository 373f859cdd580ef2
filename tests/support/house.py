"""The gateway and all four services in one process, and merchants with something to hide."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text
from whatsinvoice_auth.__main__ import SPEC as AUTH
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.settings import Settings
from whatsinvoice_invoices.__main__ import SPEC as INVOICES
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.runtime import Process
from whatsinvoice_kit.storage import ObjectStore
from whatsinvoice_notifications.__main__ import SPEC as NOTIFICATIONS
from whatsinvoice_payments.__main__ import SPEC as PAYMENTS
from whatsinvoice_payments.domain.charge import Charge, ChargeStatus
from whatsinvoice_payments.domain.dispute import Dispute, DisputeStatus, ProviderDispute
from whatsinvoice_payments.domain.payment import Payable, Payment
from whatsinvoice_payments.domain.refund import Refund
from whatsinvoice_payments.repository import disputes as dispute_rows
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import refunds as refund_rows
from whatsinvoice_payments.service.settlement import settle

from support.backing import S3
from support.http import served
from support.identity import PASSWORD, confirm, register
from support.keys import Keyring
from support.sample import eventually
from support.servers import worker
from support.services import running

PAYSTACK_KEY = secrets.token_hex(16)
NOBODY = "127.0.0.1:1"
LIMITS = ("register", "login", "refresh", "verify", "code", "account")
LINES = [{"description": "a secret of theirs", "quantity": "1", "unit_price_minor": 7_500_000}]


@dataclass
class House:
    """Everything that runs, and a client without a token."""

    client: httpx.AsyncClient
    processes: dict[str, Process[Any]]
    sandbox_url: str

    async def paystack(self, path: str, body: dict[str, Any]) -> Any:
        """Something happens at the provider."""
        headers = {"authorization": f"Bearer {PAYSTACK_KEY}"}
        async with httpx.AsyncClient(base_url=self.sandbox_url, trust_env=False, headers=headers) as sandbox:
            return (await sandbox.post(path, json=body)).raise_for_status().json()


@dataclass
class Merchant:
    """An owner, and what her business has: by the names that routes give their parameters."""

    house: House
    phone: str
    user_id: str
    business_id: str
    ids: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """Tokens of public pages: `i` and `r`."""
    secrets: set[str] = field(default_factory=set)
    """What nobody else may ever read."""

    async def log_in(self) -> dict[str, str]:
        """Open a session and confirm it: headers that may do all that the role may."""
        body = {"phone": self.phone, "password": PASSWORD, "business_id": self.business_id}
        answer = (await self.house.client.post("/v1/auth/login", json=body)).raise_for_status()
        return await confirm(self.house.client, {"Authorization": f"Bearer {answer.json()['access_token']}"})


def _address(process: Process[Any]) -> str:
    return f"127.0.0.1:{process.rpc.port if process.rpc else 0}"


@asynccontextmanager
async def housed(
    urls: dict[str, str], redis_url: str, s3: S3, keyring: Keyring, sandbox_url: str
) -> AsyncIterator[House]:
    """Paystack is the sandbox; Meta is away: nothing here needs it."""
    bucket = {
        "s3_endpoint": s3.endpoint,
        "s3_bucket": f"tests-{worker()}",
        "s3_access_key": s3.access_key,
        "s3_secret_key": s3.secret_key,
    }
    store = ObjectStore(
        endpoint=s3.endpoint,
        region="us-east-1",
        bucket=f"tests-{worker()}",
        access_key=s3.access_key,
        secret_key=s3.secret_key,
    )
    store.ensure_bucket()
    store.close()

    def common(name: str) -> dict[str, Any]:
        key = json.dumps(keyring.services[name])
        return {
            "redis_url": redis_url,
            "trusted_keys": keyring.trusted,
            "database_url": urls[name],
            "service_key": key,
        }

    public = {"public_base_url": "http://pay.test"}
    async with running(INVOICES, **common("invoices"), **bucket, **public) as invoices:
        near = {"invoices_grpc": _address(invoices)}
        codes = {"whatsapp_app_secret": secrets.token_hex(16), "auth_grpc": NOBODY}
        paystack = {"paystack_base_url": f"{sandbox_url}/paystack", "paystack_secret_key": PAYSTACK_KEY}
        meta = {"whatsapp_base_url": f"http://{NOBODY}", "whatsapp_access_token": "none", **codes, **public}
        async with (
            running(PAYMENTS, **common("payments"), **near, **paystack) as payments,
            running(NOTIFICATIONS, **common("notifications"), **near, **meta) as notifications,
            running(
                AUTH,
                **common("auth"),
                signing_keys=json.dumps([keyring.users]),
                code_secret=secrets.token_hex(32),
                refresh_secret=secrets.token_hex(32),
            ) as auth,
        ):
            processes = {"auth": auth, "invoices": invoices, "payments": payments, "notifications": notifications}
            values: dict[str, Any] = {
                "app_env": "test",
                "redis_url": redis_url,
                "service_key": json.dumps(keyring.services["gateway"]),
                "trusted_keys": keyring.trusted,
                **{f"{name}_grpc": _address(process) for name, process in processes.items()},
                **{f"{name}_limit": "100000/minute" for name in LIMITS},
            }
            settings = Settings(**values)
            app = edged(create_app(settings, keyring.services["gateway"]), settings)
            async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
                yield House(client, processes, sandbox_url)


async def a_merchant(house: House, name: str) -> Merchant:
    """Registers one, gives her one of everything, and lets it arrive everywhere."""
    phone = f"+23480{secrets.randbelow(90_000_000) + 10_000_000}"
    body = {"phone": phone, "name": f"{name} Obi", "password": PASSWORD, "business_name": f"{name} Designs"}
    made = await register(house.client, house.processes["auth"], **body)
    her = Merchant(house, phone, made["user"]["id"], made["business"]["id"])
    headers = await her.log_in()

    async def known() -> bool:
        answers = [await house.client.get(path, headers=headers) for path in ("/v1/invoices", "/v1/banks")]
        return all(answer.is_success for answer in answers)

    await eventually(known)
    await _fill(her, name, headers)
    her.secrets |= {her.business_id, her.user_id, phone, f"{name} Obi", f"{name} Designs", *her.ids.values()}
    return her


async def _fill(her: Merchant, name: str, headers: dict[str, str]) -> None:
    async def post(path: str, body: dict[str, Any] | None = None) -> Any:
        keyed = headers | {"Idempotency-Key": secrets.token_hex(8)}
        return (await her.house.client.post(path, json=body, headers=keyed)).raise_for_status().json()

    async def put(path: str, body: dict[str, Any]) -> None:
        (await her.house.client.put(path, json=body, headers=headers)).raise_for_status()

    async def first(path: str) -> Any:
        async def there() -> bool:
            answer = (await her.house.client.get(path, headers=headers)).raise_for_status().json()
            found.extend(answer["data"])
            return bool(found)

        found: list[Any] = []
        await eventually(there)
        return found[0]

    customer = {
        "name": f"{name}'s customer",
        "phone": f"080{secrets.randbelow(90_000_000) + 10_000_000}",
        "email": f"{name.lower()}@customer.example",
    }
    made = await post("/v1/customers", customer)
    her.secrets |= {customer["name"], customer["email"], made["phone"]}
    draft = await post("/v1/invoices", {"customer_id": made["id"], "lines": LINES})
    issued = await post("/v1/invoices", {"customer_id": made["id"], "lines": LINES, "issue": True})
    number = str(secrets.randbelow(9 * 10**9) + 10**9)
    await put("/v1/business/payout-account", {"bank_code": "058", "account_number": number})
    await _pay(her, issued)
    own = await post(f"/v1/customers/{made['id']}/virtual-account")
    her.secrets |= {number, own["account_number"]}
    key = await post("/v1/api-keys", {"name": f"{name}'s key", "scopes": ["invoices:read"]})
    message = await first("/v1/messages")
    payment = await first("/v1/payments")
    member = await first("/v1/business/members")
    invited = f"080{secrets.randbelow(90_000_000) + 10_000_000}"
    invitation = await post("/v1/business/members", {"phone": invited, "role": "staff"})
    session = await first("/v1/auth/sessions")
    her.links["i"] = issued["public_url"].rpartition("/")[2]
    her.secrets |= {issued["id"], issued["public_url"], payment["reference"]}
    her.ids = {
        "customer_id": made["id"],
        "invoice_id": draft["id"],
        "payment_id": payment["id"],
        **await _money_back(her, payment["id"]),
        "message_id": message["id"],
        "member_id": member["id"],
        "api_key_id": key["id"],
        "session_id": session["id"],
        "invitation_id": invitation["id"],
    }


async def _money_back(her: Merchant, payment_id: str) -> dict[str, str]:
    """A refund that she gave and a dispute about the rest, both still going on."""
    async with her.house.processes["payments"].unit_of_work.begin() as tx:
        payment = await payment_rows.payment(tx, her.business_id, payment_id)
        assert payment is not None
        refund = Refund.of(payment, 100, f"sorry, {her.phone}", now())
        refund.next_attempt_at = None  # nobody is to send it while strangers look
        complaint = {"reference": payment.reference, "amount_minor": 200}
        opened = await her.house.paystack("/_control/disputes", complaint)
        told = ProviderDispute(str(opened["id"]), DisputeStatus.OPEN, 200, "chargeback", "", now(), None)
        dispute = Dispute.of(payment, told, now())
        await refund_rows.add_refund(tx, refund)
        await dispute_rows.add_dispute(tx, dispute)
    return {"refund_id": refund.id, "dispute_id": dispute.id}


async def _pay(her: Merchant, issued: dict[str, Any]) -> None:
    """Settles a payment as a verified webhook does, and waits for the receipt."""
    total = issued["total_minor"]
    payable = Payable(her.business_id, issued["id"], total, "NGN", "", issued["public_url"])
    payment = Payment.attempt(payable, 1, now(), now() + timedelta(hours=1))
    asked = {"email": f"{issued['id']}@customer.example", "amount": total, "reference": payment.reference}
    opened = await her.house.paystack("/paystack/transaction/initialize", asked)
    await her.house.paystack(f"/_control/checkouts/{opened['data']['access_code']}", {"outcome": "success"})
    charge = Charge(payment.reference, ChargeStatus.SUCCESS, total, total, 10_000, "NGN", "card", now(), "")
    async with her.house.processes["payments"].unit_of_work.begin() as tx:
        await payment_rows.add_payment(tx, payment)
        await settle(tx, payment.reference, charge)

    async def paid() -> bool:
        query = text("SELECT token FROM invoices.receipts WHERE invoice_id = :id")
        async with her.house.processes["invoices"].unit_of_work.read() as tx:
            her.links["r"] = (await tx.execute(query, {"id": issued["id"]})).scalar_one_or_none() or ""
        return bool(her.links["r"])

    await eventually(paid)
