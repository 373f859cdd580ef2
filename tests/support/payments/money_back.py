"""What tests of refunds and disputes do with a paid invoice, and what they look at afterwards."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx
from sqlalchemy import select
from support.payments.parts import SECRET_KEY
from support.payments.stage import Rows, Stage, eventually
from support.sandbox import Entrance
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_payments.models import DISPUTES, LEDGER_ENTRIES, REFUNDS, WEBHOOK_EVENTS

TOTAL = 7_500_000
FAILS, NEEDS_ATTENTION = "4084080000671803", "4084080000671902"
"""Cards whose refunds do so."""
LEASE_300_MS = 0.005
"""A scale of the schedule: a refund's lease is over after 300 ms, the first check of it after 1.5 s."""


@dataclass
class Paid:
    """A paid invoice, and its payment at the provider."""

    stage: Stage
    token: str
    reference: str
    payment_id: str = ""
    """Known once it is settled."""

    @property
    def me(self) -> tuple[tuple[str, str], ...]:
        return self.stage.as_merchant(self.token)

    async def settled(self, seconds: float = 40.0) -> "Paid":
        """Once our side knows."""
        await self.stage.becomes(self.token, "succeeded", seconds=seconds)
        [payment] = await self.stage.payments(self.token)
        self.payment_id = str(payment["id"])
        return self

    async def payment(self) -> Any:
        [payment] = await self.stage.payments(self.token)
        return payment

    async def refund(self, amount_minor: int = 0, reason: str = "") -> pb.Refund:
        request = pb.CreateRefundRequest(payment_id=self.payment_id, amount_minor=amount_minor, reason=reason)
        return (await self.stage.stub.CreateRefund(request, metadata=self.me)).refund

    async def refunds(self) -> Rows:
        table = REFUNDS
        invoice_id = self.stage.invoices.by_token[self.token].invoice_id
        return await self.stage.rows(select(table).where(table.c.invoice_id == invoice_id).order_by(table.c.id))

    async def disputes(self) -> Rows:
        table = DISPUTES
        invoice_id = self.stage.invoices.by_token[self.token].invoice_id
        return await self.stage.rows(select(table).where(table.c.invoice_id == invoice_id).order_by(table.c.id))

    async def become(self, rows: str, *statuses: str, seconds: float = 40.0) -> None:
        """Waits until its `refunds` or `disputes` have these statuses."""
        look = getattr(self, rows)

        async def have() -> bool:
            return [row["status"] for row in await look()] == list(statuses)

        await eventually(have, look, seconds)

    async def purposes(self) -> list[str]:
        """What facts about it are in the books, without the ids in them."""
        table = LEDGER_ENTRIES
        statement = select(table.c.purpose).where(table.c.business_id == self.stage.business(self.token)).distinct()
        return sorted(row["purpose"].partition(":")[0] for row in await self.stage.rows(statement))

    async def told(self) -> Counter[str]:
        """The events that left, each with the status that it tells."""
        found: Counter[str] = Counter()
        for event in await self.stage.told(self.token):
            told: Any = event
            name = event.DESCRIPTOR.name
            if name == "RefundUpdated":
                name += f" {pb.RefundStatus.Name(told.refund.status).removeprefix('REFUND_STATUS_').lower()}"
            if name == "PaymentReversed":
                name += f" {told.cause} {told.amount_minor}"
            if name.startswith("Dispute"):
                name += f" {told.dispute.lost_minor}"
            found[name] += 1
        return found

    async def at_provider(self) -> dict[str, Any]:
        """Its charge, refunds and disputes as the provider believes in them."""
        truth = (await self.stage.sandbox.get("/_control/ledger")).json()
        [charge] = [charge for charge in truth["charges"] if charge["reference"] == self.reference]
        return {"charge": charge} | {
            kind: [row for row in truth[kind] if row["transaction_reference"] == self.reference]
            for kind in ("refunds", "disputes")
        }

    async def books_agree(self) -> None:
        """What the provider keeps for us is what the books say, and they balance."""
        truth, ledger = await self.at_provider(), await self.stage.ledger(self.token)
        back = truth["charge"]["refunded_amount"] + truth["charge"]["disputed_amount"]
        assert sum(ledger.values()) == 0
        assert ledger["paystack_clearing"] == truth["charge"]["amount"] - truth["charge"]["fees"] - back
        assert (await self.payment())["refunded_minor"] == back


async def paid(stage: Stage, total: int = TOTAL, **act: Any) -> Paid:
    """A fresh invoice, paid; our side may not know yet."""
    token = stage.invoices.bill(total)
    checkout = await stage.start(token)
    await stage.pay(checkout, **act)
    return Paid(stage, token, checkout.reference)


async def refunded_once(sale: Paid, amount: int) -> None:
    """It went back once: at the provider, in the books, and in what others were told."""
    await sale.become("refunds", "processed", seconds=20)
    assert [(row["amount"], row["status"]) for row in (await sale.at_provider())["refunds"]] == [(amount, "processed")]
    told = await sale.told()
    assert (told["RefundUpdated processed"], told[f"PaymentReversed refund {amount}"]) == (1, 1)
    await sale.books_agree()


async def control(stage: Stage, path: str, **body: Any) -> Any:
    answer = await stage.sandbox.post(f"/_control/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def elsewhere(stage: Stage, path: str, method: str = "POST", **body: Any) -> dict[str, Any]:
    """Somebody does something at the provider's own dashboard."""
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    answer: httpx.Response = await stage.sandbox.request(method, f"/paystack/{path}", json=body, headers=headers)
    assert answer.is_success, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def event_in(body: bytes) -> str:
    return str(json.loads(body)["event"])


class Recorder:
    """Takes webhooks in instead of the service, for a test to deliver when it likes."""

    def __init__(self, door: Entrance) -> None:
        self._door = door
        self._bodies: dict[object, dict[str, bytes]] = defaultdict(dict)

    def __enter__(self) -> Self:
        self._before, self._door.forward = self._door.forward, self._keep
        return self

    def __exit__(self, *_: object) -> None:
        self._door.forward = self._before

    def _keep(self, body: bytes, signature: str) -> int:
        for reference in references_in(body):
            self._bodies[reference][event_in(body)] = body
        return 200

    async def told(self, reference: str, events: Sequence[str]) -> dict[str, bytes]:
        """The body of each of these events about a transaction, once all of them have been sent."""

        async def found() -> dict[str, bytes]:
            return self._bodies[reference]

        async def all_of_them() -> bool:
            return set(events) <= set(self._bodies[reference])

        await eventually(all_of_them, found)
        return {event: self._bodies[reference][event] for event in events}


def references_in(body: bytes) -> tuple[object, ...]:
    """What a webhook may call the transaction that it is about."""
    data = json.loads(body)["data"]
    nested = data.get("transaction")
    return (
        data.get("reference"),
        data.get("transaction_reference"),
        nested.get("reference") if isinstance(nested, dict) else None,
    )


async def deliver(stage: Stage, body: bytes) -> str:
    """Delivers a webhook and waits until it has had its effect; gives the outcome."""
    await stage.deliver(body)
    table, digest = WEBHOOK_EVENTS, hashlib.sha256(body).digest()
    statement = select(table).where(table.c.body_hash == digest)

    async def kept() -> Rows:
        return await stage.rows(statement)

    async def done() -> bool:
        return all(row["processed_at"] for row in await kept())

    await eventually(done, kept, 30)
    [row] = await kept()
    return str(row["outcome"])
