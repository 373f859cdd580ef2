"""What the monolith before this did wrong with money, each as a rule that holds now."""

import asyncio
import json

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from support.payments.money_back import TOTAL, paid
from support.payments.parts import SECRET_KEY
from support.payments.stage import Stage, eventually
from whatsinvoice.payments.v1.events_pb2 import PaymentSucceeded
from whatsinvoice_payments.models import WEBHOOK_EVENTS

DUE = 7_500_000
HEADERS = {"authorization": f"Bearer {SECRET_KEY}"}


async def unpaid(stage: Stage, token: str) -> None:
    """Nothing of the invoice counts as paid, and nobody was told otherwise."""
    assert "succeeded" not in await stage.statuses(token)
    assert await stage.ledger(token) == {}
    assert not [event for event in await stage.told(token) if isinstance(event, PaymentSucceeded)]


async def test_one_kobo_pays_one_kobo_of_a_large_invoice(stage: Stage) -> None:
    token = stage.invoices.bill(DUE)
    await stage.pay(await stage.start(token), amount_minor=1)
    await stage.becomes(token, "succeeded")
    [payment] = await stage.payments(token)
    assert (payment["settled_minor"], payment["paid_minor"]) == (1, 1)
    assert (await stage.ledger(token))["receivable"] == -1
    [event] = await stage.told(token)
    assert event.payment.amount.amount_minor == 1, "so invoices counts one kobo, and the rest is due"


async def test_a_small_request_under_the_invoices_reference_pays_nothing_of_it(stage: Stage) -> None:
    """Whoever has a key may open a transaction with our reference before we do, for as little as she likes."""
    token = stage.invoices.bill(DUE)
    reference = f"{stage.invoices.by_token[token].invoice_id.removeprefix('inv_')}.1"
    body = {"email": "a@example.com", "amount": 5_000, "reference": reference}
    opened = await stage.sandbox.post("/paystack/transaction/initialize", json=body, headers=HEADERS)
    assert (await stage.start(token)).reference != reference
    code = opened.json()["data"]["access_code"]
    await stage.sandbox.post(f"/_control/checkouts/{code}", json={"outcome": "success"})
    await stage.outcome(reference, "quarantined")
    await unpaid(stage, token)


@pytest.mark.parametrize(
    "event",
    [
        "transfer.success",
        "paymentrequest.success",
        "invoice.update",
        "subscription.create",
        "customeridentification.success",
        "charge.successful",
        "success",
    ],
)
async def test_no_other_event_pays_an_invoice(stage: Stage, event: str) -> None:
    """It carries all that a paid charge carries, and the charge is paid: only `charge.success` speaks of it."""
    token = stage.invoices.bill(DUE)
    checkout = await stage.start(token)
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    names = ("id", "transfer_code", "request_code", "invoice_code", "subscription_code", "customer_code")
    charge = await stage.verified(checkout.reference) | dict.fromkeys(names, checkout.reference)
    await stage.deliver(json.dumps({"event": event, "data": charge}).encode())

    async def worked_off() -> bool:
        return bool((await stage.webhooks(checkout.reference))[0]["outcome"])

    await eventually(worked_off, lambda: stage.webhooks(checkout.reference))
    assert (await stage.webhooks(checkout.reference))[0]["outcome"] in {"ignored", "unknown_event"}
    await unpaid(stage, token)


async def test_a_verify_that_fails_is_not_forgotten(stage: Stage) -> None:
    token = stage.invoices.bill(DUE)
    checkout = await stage.start(token)
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    body = await stage.charge_success(checkout.reference)
    await stage.fault("verify", "http_5xx")
    await stage.deliver(body)  # and is answered with 200

    async def tried() -> bool:
        return await stage.attempts(checkout.reference) >= 2

    await eventually(tried, lambda: stage.webhooks(checkout.reference))
    await unpaid(stage, token)
    assert (await stage.webhooks(checkout.reference))[0]["processed_at"] is None
    await stage.no_faults()
    await stage.outcome(checkout.reference, "settled")
    await stage.becomes(token, "succeeded")


async def test_an_event_does_not_burn_the_key_of_another(stage: Stage) -> None:
    """Neither one of another name about the same reference, nor an earlier word on the same charge."""
    token = stage.invoices.bill(DUE)
    checkout = await stage.start(token)
    charge = await stage.verified(checkout.reference)
    for event in ("transfer.success", "charge.success"):
        await stage.deliver(json.dumps({"event": event, "data": charge}).encode())
    await stage.outcome(checkout.reference, "ignored", "")
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    await stage.outcome(checkout.reference, "ignored", "settled", "unchanged")
    assert len(await stage.told(token)) == 1


async def test_sixteen_copies_at_once_are_all_taken_and_count_once(stage: Stage) -> None:
    token = stage.invoices.bill(DUE)
    checkout = await stage.start(token)
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    body = await stage.charge_success(checkout.reference)
    answers = await asyncio.gather(*(stage.deliver(body) for _ in range(16)), return_exceptions=True)
    assert answers == [None] * 16
    await stage.becomes(token, "succeeded")
    assert len(await stage.webhooks(checkout.reference)) == len(await stage.told(token)) == 1
    assert (await stage.ledger(token))["receivable"] == -DUE


@pytest.mark.parametrize("where", ["webhook", "verify"])
async def test_the_same_number_in_another_currency_pays_nothing(stage: Stage, where: str) -> None:
    token = stage.invoices.bill(DUE)
    checkout = await stage.start(token)
    before = REGISTRY.get_sample_value("payments_quarantined_total", {"what": "payment"}) or 0
    await stage.fault(where, "lie", field="currency")
    await stage.pay(checkout)
    await stage.becomes(token, "quarantined")
    await unpaid(stage, token)
    assert REGISTRY.get_sample_value("payments_quarantined_total", {"what": "payment"}) == before + 1


async def test_refunds_and_disputes_do_not_fall_through(stage: Stage) -> None:
    """Not given by us, and told of by webhooks alone: each has its effect on the payment and in the books."""
    sale = await (await paid(stage)).settled()
    refund = {"transaction": sale.reference, "amount": 1_000_000}
    assert (await stage.sandbox.post("/paystack/refund", json=refund, headers=HEADERS)).is_success
    await sale.become("refunds", "processed")
    opened = await stage.sandbox.post("/_control/disputes", json={"reference": sale.reference, "amount_minor": 500_000})
    dispute_id = opened.raise_for_status().json()["id"]
    await sale.become("disputes", "open")
    decided = {"resolution": "auto-accepted"}
    (await stage.sandbox.post(f"/_control/disputes/{dispute_id}", json=decided)).raise_for_status()
    await sale.become("disputes", "resolved")
    payment = await sale.payment()
    assert (payment["status"], payment["refunded_minor"]) == ("succeeded", 1_500_000)
    books = await stage.ledger(sale.token)
    assert (books["receivable"], books["refunds"], books["disputes"]) == (500_000 - TOTAL, 1_000_000, 0), (
        "the dispute reopens"
    )
    told = {type(event).__name__ for event in await stage.told(sale.token)}
    assert told == {"PaymentSucceeded", "RefundUpdated", "DisputeOpened", "DisputeResolved", "PaymentReversed"}
    kept = select(WEBHOOK_EVENTS.c.outcome).where(
        WEBHOOK_EVENTS.c.event.like("refund.%") | WEBHOOK_EVENTS.c.event.like("charge.dispute.%")
    )
    assert {row["outcome"] for row in await stage.rows(kept)} <= {"settled", "unchanged", "quarantined", ""}
