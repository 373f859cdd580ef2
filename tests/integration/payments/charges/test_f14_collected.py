"""F14, F22, F23: what is collected already, what the provider will refuse, and what counts as paid."""

from typing import Any

import grpc
import pytest
from support.payments.stage import Stage, eventually
from support.payments.surprises import events_of, options, record, start_transfer
from support.services import publish, reason_of
from whatsinvoice.invoices.v1 import events_pb2 as told_by_invoices
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.payments.v1 import events_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.ids import new_id

TOTAL, HALF = 7_500_000, 3_750_000
WORDS = ("declined", "abandoned", "ongoing", "pending", "processing", "queued", "reversed")


def half_is_paid(stage: Stage, token: str, payment_id: str) -> None:
    """Invoices has recorded the payment: half is due, and the answer says which payments it includes."""
    bill = stage.invoices.by_token[token]
    bill.amount_due.amount_minor, bill.status = HALF, invoices_pb2.INVOICE_STATUS_PARTIALLY_PAID
    bill.recorded_payment_ids.append(payment_id)


async def test_f14_half_in_cash_and_then_the_other_half(stage: Stage) -> None:
    token = stage.invoices.bill(TOTAL)
    first = await record(stage, token, amount_minor=HALF)
    half_is_paid(stage, token, first.id)
    assert (await stage.start(token)).reference
    second = await record(stage, token, amount_minor=HALF)
    assert second.amount.amount_minor == HALF


@pytest.mark.parametrize("amount", [HALF, HALF - 1])
async def test_f14_what_invoices_has_not_recorded_yet_is_not_collected_again(stage: Stage, amount: int) -> None:
    """Whatever the amounts: the due amount of an answer without that payment is too high by it."""
    token = stage.invoices.bill(TOTAL)
    await record(stage, token, amount_minor=amount)
    checkout = await stage.start(token)
    assert (await stage.verified(checkout.reference))["requested_amount"] == TOTAL - amount
    assert (await start_transfer(stage, token)).amount.amount_minor == TOTAL - amount
    assert (await record(stage, token)).amount.amount_minor == TOTAL - amount


async def test_f14_nothing_is_collected_where_all_of_it_has_just_come(stage: Stage) -> None:
    token = stage.invoices.bill(TOTAL)
    await record(stage, token)
    refused = set()
    for call in (stage.start(token), start_transfer(stage, token), record(stage, token)):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        refused.add(reason_of(error.value))
    assert refused == {"INVOICE_NOT_PAYABLE"}


@pytest.mark.parametrize(
    ("currency", "due", "least"), [("NGN", 4_999, 5_000), ("GHS", 9, 10), ("USD", 199, 200), ("ZAR", 99, 100)]
)
async def test_f22_what_is_too_little_for_the_provider_is_known_beforehand(
    stage: Stage, currency: str, due: int, least: int
) -> None:
    token = stage.invoices.bill(due)
    stage.invoices.by_token[token].amount_due.currency_code = currency
    found = await options(stage, token)
    assert (found.pay_online, found.pay_with_transfer, found.minimum.amount_minor) == (False, False, least)
    for call in (stage.start(token), start_transfer(stage, token)):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        assert reason_of(error.value) == "AMOUNT_BELOW_MINIMUM"
    assert await stage.payments(token) == []
    assert (await record(stage, token)).amount.amount_minor == due


async def test_f22_the_minimum_itself_is_taken(stage: Stage) -> None:
    token = stage.invoices.bill(5_000)
    assert (await options(stage, token)).pay_online
    assert (await stage.start(token)).authorization_url


@pytest.mark.parametrize(("due", "told"), [(2_000, True), (5_000, False)])
async def test_f22_the_merchant_is_told_at_issue(stage: Stage, due: int, *, told: bool) -> None:
    token = stage.invoices.bill(due)
    bill = stage.invoices.by_token[token]
    invoice = invoices_pb2.Invoice(
        id=bill.invoice_id, status=bill.status, currency_code="NGN", amount_due_minor=due, version=2
    )
    event = told_by_invoices.InvoiceIssued(
        event_id=new_id("evt"), business_id=bill.business_id, aggregate_id=invoice.id, invoice=invoice
    )
    await publish(stage.redis_url, "whatsinvoice.invoices.v1", event, event)
    await stage.known(token)  # which comes after it, on another stream

    async def announced() -> list[Any]:
        return await events_of(stage, token, events_pb2.OnlinePaymentUnavailable)

    if told:
        await eventually(announced, announced)
        [one] = await announced()
        assert (one.amount_due.amount_minor, one.minimum.amount_minor) == (due, 5_000)
    else:
        assert await announced() == []


@pytest.mark.parametrize("word", WORDS)
async def test_f23_a_rejected_transfer_is_never_booked_as_paid(stage: Stage, word: str) -> None:
    """Whatever the provider calls its transaction afterwards: only `success` is success."""
    token = stage.invoices.bill(TOTAL)
    made = await start_transfer(stage, token)
    sent = {"account_number": made.account.account_number, "amount_minor": TOTAL - 1, "rejected_as": word}
    assert (await stage.sandbox.post("/_control/transfers", json=sent)).status_code == 201
    await stage.becomes(token, "failed")
    assert await stage.ledger(token) == {}
    assert {type(event).__name__ for event in await stage.told(token)} == {"PaymentFailed"}


@pytest.mark.parametrize("word", WORDS)
async def test_f23_a_signed_success_that_the_provider_calls_otherwise_books_nothing_that_stays(
    stage: Stage, word: str
) -> None:
    token = stage.invoices.bill(TOTAL)
    checkout = await stage.start(token)
    body = await stage.charge_success(checkout.reference)
    if word == "reversed":
        await stage.fault("webhook", "drop")
        await stage.pay(checkout)
    await stage.pay(checkout, word)
    await stage.deliver(body)

    async def worked() -> bool:
        return await stage.attempts(checkout.reference) > 0

    await eventually(worked, lambda: stage.webhooks(checkout.reference))
    [payment] = await stage.payments(token)
    assert payment["status"] != "succeeded" or word == "reversed"
    received = (await stage.ledger(token)).get("receivable", 0)
    assert received == 0, "what is reversed nets to nothing"


async def test_f23_a_reversed_charge_that_nobody_says_was_paid_is_not_booked(stage: Stage) -> None:
    """Asked by a payer who comes back: the provider says `reversed`, and no refund or dispute says that money came."""
    token = stage.invoices.bill(TOTAL)
    checkout = await stage.start(token)
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    await stage.pay(checkout, "reversed")
    found = await options(stage, token, checkout.reference)
    assert found.outcome == pb.ATTEMPT_OUTCOME_FAILED
    assert await stage.ledger(token) == {}
