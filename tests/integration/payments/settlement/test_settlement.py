"""From the payer's act to the books: once, from verified truth, whatever the webhooks say."""

import asyncio
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from support.payments.stage import Stage, eventually
from support.sandbox import Entrance
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.clock import now
from whatsinvoice_payments.models import KIT_TABLES


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("payments_webhooks_total", {"outcome": outcome}) or 0


def quarantined(what: str) -> float:
    return REGISTRY.get_sample_value("payments_quarantined_total", {"what": what}) or 0


async def test_a_paid_checkout_is_settled_in_full(stage: Stage) -> None:
    token = stage.invoices.bill(7_500_000)
    checkout = await stage.start(token)
    await stage.pay(checkout, channel="ussd")
    await stage.becomes(token, "succeeded")
    fees = (await stage.verified(checkout.reference))["fees"]
    assert fees > 0
    assert await stage.ledger(token) == {
        "paystack_clearing": 7_500_000 - fees,
        "fees": fees,
        "receivable": -7_500_000,
    }
    [event] = await stage.told(token)
    assert event.payment.status == pb.PAYMENT_STATUS_SUCCEEDED
    assert (event.payment.amount.amount_minor, event.payment.amount.currency_code) == (7_500_000, "NGN")
    assert (event.payment.fees_minor, event.payment.channel) == (fees, "ussd")
    assert event.payment.reference == checkout.reference
    assert event.payment.paid_time.seconds > 0
    assert event.business_id == stage.invoices.by_token[token].business_id


async def test_sixteen_copies_at_once_count_once_and_none_is_refused(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    body = await stage.charge_success(checkout.reference)
    before = counted("accepted"), counted("duplicate")
    await asyncio.gather(*(stage.deliver(body) for _ in range(16)))
    assert (counted("accepted"), counted("duplicate")) == (before[0] + 1, before[1] + 15)
    await stage.outcome(checkout.reference, "settled")
    assert len(await stage.webhooks(checkout.reference)) == 1
    assert len(await stage.told(token)) == 1
    assert sum((await stage.ledger(token)).values()) == 0


async def test_ten_events_in_five_copies_shuffled_have_ten_effects(stage: Stage) -> None:
    await stage.fault("webhook", "drop")
    tokens = [stage.invoices.bill(1_000_000 + 1_000 * number) for number in range(10)]
    bodies = []
    for token in tokens:
        checkout = await stage.start(token)
        await stage.pay(checkout)
        bodies.append(await stage.charge_success(checkout.reference))
    copies = bodies * 5
    random.Random(5).shuffle(copies)  # noqa: S311  (an order, not a secret)
    await asyncio.gather(*map(stage.deliver, copies))
    for number, token in enumerate(tokens):
        await stage.becomes(token, "succeeded")
        assert len(await stage.told(token)) == 1
        assert (await stage.ledger(token))["receivable"] == -(1_000_000 + 1_000 * number)


async def test_the_same_charge_told_in_other_bytes_counts_once(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    await stage.deliver(await stage.charge_success(checkout.reference, plan=7))
    await stage.outcome(checkout.reference, "settled", "unchanged")
    assert len(await stage.told(token)) == 1


async def test_webhooks_sent_twice_by_the_provider_are_both_taken(stage: Stage, door: Entrance) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    door.answers.clear()
    await stage.fault("webhook", "duplicate", copies=4)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    async with asyncio.timeout(5):
        while len(door.answers) < 4:  # noqa: ASYNC110  (another process sends them)
            await asyncio.sleep(0.02)
    assert set(door.answers) == {200}
    assert len(await stage.webhooks(checkout.reference)) == 1
    assert len(await stage.told(token)) == 1


async def test_a_signed_lie_about_the_charge_quarantines_the_payment(stage: Stage) -> None:
    await stage.fault("webhook", "drop")
    lies: tuple[dict[str, Any], ...] = ({"amount": 100}, {"currency": "GHS"})
    for lie in lies:
        token = stage.invoices.bill()
        checkout = await stage.start(token)
        await stage.pay(checkout)
        before = quarantined("payment")
        await stage.deliver(await stage.charge_success(checkout.reference, **lie))
        await stage.outcome(checkout.reference, "quarantined")
        [payment] = await stage.payments(token)
        assert (payment["status"], payment["next_check_at"]) == ("quarantined", None)
        assert "signed" in payment["reason"]
        assert quarantined("payment") == before + 1
        assert await stage.ledger(token) == {}
        assert [type(event).__name__ for event in await stage.told(token)] == ["PaymentQuarantined"]


async def test_a_signed_lie_about_a_settled_payment_leaves_it_settled(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    before = quarantined("webhook")
    await stage.deliver(await stage.charge_success(checkout.reference, amount=1))
    await stage.outcome(checkout.reference, "settled", "quarantined")
    assert await stage.statuses(token) == ["succeeded"]
    assert quarantined("webhook") == before + 1
    assert len(await stage.told(token)) == 1


async def test_a_verified_lie_quarantines_as_well(stage: Stage) -> None:
    for field in ("amount", "currency", "reference"):
        await stage.no_faults()
        token = stage.invoices.bill()
        checkout = await stage.start(token)
        await stage.fault("verify", "lie", field=field)
        await stage.pay(checkout)
        await stage.becomes(token, "quarantined")
        assert await stage.ledger(token) == {}


async def test_a_signed_foreign_reference_is_kept_and_alerts(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    before = quarantined("webhook")
    await stage.fault("webhook", "lie", field="reference")
    await stage.pay(checkout)
    await stage.outcome(f"{checkout.reference}.x", "quarantined")
    assert quarantined("webhook") == before + 1
    assert await stage.statuses(token) == ["pending"]
    assert await stage.ledger(token) == {}


@pytest.mark.parametrize("meanwhile", ["abandoned", "declined", "processing"])
async def test_a_success_that_the_provider_does_not_confirm_waits(stage: Stage, meanwhile: str) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.pay(checkout, meanwhile)
    await stage.deliver(await stage.charge_success(checkout.reference, status="success"))

    async def tried() -> bool:
        return await stage.attempts(checkout.reference) >= 2

    async with asyncio.timeout(10):
        while not await tried():  # noqa: ASYNC110  (the worker tries on its own)
            await asyncio.sleep(0.05)
    assert await stage.statuses(token) == ["pending"]
    assert (await stage.webhooks(checkout.reference))[0]["processed_at"] is None
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    assert len(await stage.told(token)) == 1


async def postponed(stage: Stage, reference: str) -> None:
    """Waits until the worker has put off the webhook about it."""

    async def so() -> bool:
        return any(webhook["error"] for webhook in await stage.webhooks(reference))

    await eventually(so, lambda: stage.webhooks(reference))


async def test_a_verify_that_fails_keeps_the_event_for_later(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.fault("verify", "http_5xx")
    await stage.pay(checkout)
    await postponed(stage, checkout.reference)
    await stage.no_faults()
    await stage.becomes(token, "succeeded")
    [webhook] = await stage.webhooks(checkout.reference)
    assert (webhook["outcome"], webhook["error"]) == ("settled", "")


async def test_a_throttled_verify_waits_as_long_as_the_provider_says(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.fault("verify", "rate_limit")
    began = now()
    await stage.pay(checkout)
    await postponed(stage, checkout.reference)
    [webhook] = await stage.webhooks(checkout.reference)
    work = KIT_TABLES.work
    [waiting] = await stage.rows(select(work).where(work.c.key == webhook["id"]))
    assert waiting["run_at"] - began >= timedelta(seconds=1)
    await stage.no_faults()
    await stage.becomes(token, "succeeded")


async def test_a_part_settles_as_a_part(stage: Stage) -> None:
    token = stage.invoices.bill(7_500_000)
    await stage.pay(await stage.start(token), amount_minor=2_000_000, channel="bank_transfer")
    await stage.becomes(token, "succeeded")
    [event] = await stage.told(token)
    assert event.payment.amount.amount_minor == 2_000_000
    assert (await stage.ledger(token))["receivable"] == -2_000_000


async def test_more_than_asked_settles_whole(stage: Stage) -> None:
    token = stage.invoices.bill(1_000_000)
    await stage.pay(await stage.start(token), amount_minor=3_000_000, channel="bank_transfer")
    await stage.becomes(token, "succeeded")
    [event] = await stage.told(token)
    assert event.payment.amount.amount_minor == 3_000_000
    assert sum((await stage.ledger(token)).values()) == 0


async def test_two_attempts_both_paid_are_two_payments(stage: Stage) -> None:
    token = stage.invoices.bill(7_500_000)
    first = await stage.start(token)
    stage.invoices.by_token[token].amount_due.amount_minor = 5_000_000
    second = await stage.start(token)
    await asyncio.gather(stage.pay(first), stage.pay(second))
    await stage.becomes(token, "succeeded", "succeeded")
    assert (await stage.ledger(token))["receivable"] == -12_500_000
    assert len(await stage.told(token)) == 2


async def test_a_transfer_to_us_pays_no_invoice(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    data = {"transfer_code": f"TRF_{checkout.reference}", "reference": checkout.reference, "amount": 7_500_000}
    await stage.deliver(json.dumps({"event": "transfer.success", "data": data}).encode())
    await stage.outcome(f"TRF_{checkout.reference}", "ignored")
    assert await stage.statuses(token) == ["pending"]
    assert await stage.ledger(token) == {}
