"""Refunds: what may be given back, what the provider makes of it, and what the books say."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from support.keys import Keyring
from support.payments.money_back import FAILS, LEASE_300_MS, NEEDS_ATTENTION, TOTAL, control, elsewhere, paid
from support.payments.stage import Stage, eventually, staged
from support.payments.surprises import events_of
from support.sandbox import Entrance
from support.services import bearer, reason_of
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.payments.v1 import events_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_payments.service.money_back_gauges import OLDEST, REFUNDS, MoneyBackGauges

UNKNOWN_REFERENCE = b'{"event":"refund.processed","data":{"transaction_reference":"T-nobody","amount":"100"}}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    """On a fast schedule: an attempt that was cut short is taken up again after 300 ms."""
    async with staged(backing, keyring, sandbox_url, door, reconcile_scale=LEASE_300_MS) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(service: Stage) -> AsyncIterator[Stage]:
    await service.no_faults()
    yield service
    await control(service, "refunds", hold=False)


async def refused(refund: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await refund
    return reason_of(error.value)


async def test_all_of_a_payment_goes_back_and_the_books_say_so(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    refund = await sale.refund(reason="damaged")
    assert (refund.status, refund.amount.amount_minor) == (pb.REFUND_STATUS_PENDING, TOTAL)
    await sale.become("refunds", "processed")
    payment, [kept] = await sale.payment(), await sale.refunds()
    assert (payment["status"], payment["refunded_minor"], payment["settled_minor"]) == ("reversed", TOTAL, TOTAL)
    assert (kept["reason"], kept["next_attempt_at"]) == ("damaged", None)
    assert kept["ended_at"] is not None
    [at_provider] = (await sale.at_provider())["refunds"]
    assert (at_provider["merchant_note"], at_provider["amount"]) == (refund.id, TOTAL)
    assert kept["provider_id"] == str(at_provider["id"])
    assert await sale.purposes() == ["payment", "refund sent"]
    assert await stage.ledger(sale.token) == {
        "paystack_clearing": -payment["fees_minor"],
        "fees": payment["fees_minor"],
        "receivable": -TOTAL,
        "refunds": TOTAL,
    }, "the invoice stays paid"
    told = await sale.told()
    assert (told["PaymentSucceeded"], told[f"PaymentReversed refund {TOTAL}"]) == (1, 1)
    assert (told["RefundUpdated pending"], told["RefundUpdated processed"]) == (1, 1)


async def test_a_part_goes_back_and_then_the_rest(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    await sale.refund(2_500_000)
    await sale.become("refunds", "processed")
    assert ((await sale.payment())["status"], (await sale.payment())["refunded_minor"]) == ("succeeded", 2_500_000)
    assert (await sale.refund()).amount.amount_minor == 5_000_000
    await sale.become("refunds", "processed", "processed")
    assert (await sale.payment())["status"] == "reversed"
    await sale.books_agree()


async def test_fees_that_the_payer_bore_go_back_last_and_are_due_from_nobody(stage: Stage) -> None:
    sale = await (await paid(stage, payer_bears_fees=True)).settled()
    payment = await sale.payment()
    assert payment["settled_minor"] == TOTAL == payment["paid_minor"] - payment["fees_minor"]
    await sale.refund()
    await sale.become("refunds", "processed")
    await sale.books_agree()
    books = await stage.ledger(sale.token)
    assert (books["receivable"], books["refunds"]) == (-TOTAL, TOTAL)


@pytest.mark.parametrize("reopen", [False, True])
async def test_f38_a_refund_reopens_the_invoice_only_where_it_is_asked_to(stage: Stage, *, reopen: bool) -> None:
    sale = await (await paid(stage)).settled()
    request = pb.CreateRefundRequest(payment_id=sale.payment_id, amount_minor=500_000, reopen=reopen)
    made = (await stage.stub.CreateRefund(request, metadata=sale.me)).refund
    assert made.reopen == reopen
    await sale.become("refunds", "processed")
    await sale.books_agree()
    books = await stage.ledger(sale.token)
    assert (books["receivable"], books["refunds"]) == ((500_000 - TOTAL, 0) if reopen else (-TOTAL, 500_000))
    [event] = await events_of(stage, sale.token, events_pb2.PaymentReversed)
    assert (event.cause, event.reopen) == ("refund", reopen)


async def test_the_same_key_gives_one_refund(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    request = pb.CreateRefundRequest(payment_id=sale.payment_id, amount_minor=100_000)
    keyed = (*sale.me, ("idempotency-key", "once"))
    first, second = [(await stage.stub.CreateRefund(request, metadata=keyed)).refund for _ in range(2)]
    assert first.id == second.id
    assert len(await sale.refunds()) == 1


async def test_of_many_that_want_all_of_it_one_gets_it(stage: Stage) -> None:
    await control(stage, "refunds", hold=True)
    sale = await (await paid(stage)).settled()

    async def attempt(number: int) -> str:
        request = pb.CreateRefundRequest(payment_id=sale.payment_id, amount_minor=TOTAL)
        try:
            await stage.stub.CreateRefund(request, metadata=(*sale.me, ("idempotency-key", f"key-{number}")))
        except grpc.aio.AioRpcError as error:
            return reason_of(error)
        return "wanted"

    outcomes = await asyncio.gather(*map(attempt, range(16)))
    assert sorted(outcomes) == ["AMOUNT_TOO_LARGE"] * 15 + ["wanted"]


async def test_what_cannot_be_given_back(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    for amount, reason in ((TOTAL + 1, "AMOUNT_TOO_LARGE"), (-1, "AMOUNT_INVALID"), (10**15, "AMOUNT_INVALID")):
        assert await refused(sale.refund(amount)) == reason
    assert await refused(sale.refund(1, "x" * 201)) == "REASON_TOO_LONG"
    stranger = pb.CreateRefundRequest(payment_id=sale.payment_id)
    other = stage.as_merchant(stage.invoices.bill())
    assert await refused(stage.stub.CreateRefund(stranger, metadata=other)) == "PAYMENT_NOT_FOUND"
    reader = bearer(stage.keyring.user_token(stage.business(sale.token), scope="payments:read"))
    with pytest.raises(grpc.aio.AioRpcError) as denied:
        await stage.stub.CreateRefund(stranger, metadata=reader)
    assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert await sale.refunds() == []
    await control(stage, "refunds", hold=True)
    await sale.refund(TOTAL - 1)
    assert await refused(sale.refund(2)) == "AMOUNT_TOO_LARGE"
    await sale.refund(1)
    assert await refused(sale.refund()) == "AMOUNT_TOO_LARGE"


async def test_money_that_the_provider_does_not_have_cannot_be_given_back_by_it(stage: Stage) -> None:
    token = stage.invoices.bill()
    taken = pb.RecordPaymentRequest(invoice_id=stage.invoices.by_token[token].invoice_id, method="cash")
    cash = (await stage.stub.RecordPayment(taken, metadata=stage.as_merchant(token))).payment
    wanted = pb.CreateRefundRequest(payment_id=cash.id)
    assert await refused(stage.stub.CreateRefund(wanted, metadata=stage.as_merchant(token))) == "PAYMENT_NOT_REFUNDABLE"
    unpaid = stage.invoices.bill()
    await stage.start(unpaid)
    [attempt] = await stage.payments(unpaid)
    wanted = pb.CreateRefundRequest(payment_id=attempt["id"])
    assert (
        await refused(stage.stub.CreateRefund(wanted, metadata=stage.as_merchant(unpaid))) == "PAYMENT_NOT_REFUNDABLE"
    )


async def test_what_is_disputed_cannot_be_given_back_as_well(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    await control(stage, "disputes", reference=sale.reference, amount_minor=TOTAL - 100)
    await sale.become("disputes", "open")
    assert await refused(sale.refund(101)) == "AMOUNT_TOO_LARGE"
    assert (await sale.refund()).amount.amount_minor == 100


async def test_a_refund_that_fails_leaves_the_money_with_the_merchant(stage: Stage) -> None:
    sale = await (await paid(stage, card=FAILS)).settled()
    await sale.refund()
    await sale.become("refunds", "failed")
    assert (await sale.payment())["status"] == "succeeded"
    assert (await sale.refunds())[0]["failure"] == "the provider could not give it back"
    assert await sale.purposes() == ["payment", "refund failed", "refund sent"]
    await sale.books_agree()
    assert (await sale.refund()).amount.amount_minor == TOTAL


async def test_a_refund_that_the_provider_refuses_is_in_no_books(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    await stage.fault("webhook", "drop")
    await control(stage, "refunds", hold=True)
    await elsewhere(stage, "refund", transaction=sale.reference, amount=TOTAL)
    await sale.refund(100_000)
    await sale.become("refunds", "failed")
    [refund] = await sale.refunds()
    assert "reversed" in refund["failure"]
    assert await sale.purposes() == ["payment"]
    assert (await sale.told())["RefundUpdated failed"] == 1


async def test_one_that_needs_attention_goes_on_with_an_account_of_the_payer(stage: Stage) -> None:
    sale = await (await paid(stage, card=NEEDS_ATTENTION)).settled()
    refund = await sale.refund()
    account = {"refund_id": refund.id, "bank_code": "035", "account_number": "0123456789"}
    early = stage.stub.RetryRefund(pb.RetryRefundRequest(**account), metadata=sale.me)
    assert await refused(early) == "REFUND_NEEDS_NOTHING"
    await sale.become("refunds", "needs_attention")
    nowhere = pb.RetryRefundRequest(**(account | {"bank_code": "nowhere"}))
    assert await refused(stage.stub.RetryRefund(nowhere, metadata=sale.me)) == "BANK_UNKNOWN"
    await stage.fault("refund_retry", "http_5xx")
    assert await refused(stage.stub.RetryRefund(pb.RetryRefundRequest(**account), metadata=sale.me)) == (
        "PROVIDER_UNAVAILABLE"
    )
    await stage.no_faults()
    await stage.stub.RetryRefund(pb.RetryRefundRequest(**account), metadata=sale.me)
    await sale.become("refunds", "processed")
    await sale.books_agree()
    told = await sale.told()
    assert (told["RefundUpdated needs_attention"], told["RefundUpdated processed"]) == (1, 1)


async def test_every_webhook_about_a_refund_dropped_changes_nothing_in_the_end(stage: Stage) -> None:
    await stage.fault("webhook", "drop", event=None)
    token_paid = await paid(stage)
    await stage.no_faults()
    await stage.deliver(await stage.charge_success(token_paid.reference))
    sale = await token_paid.settled()
    await stage.fault("webhook", "drop")
    await sale.refund()
    await sale.become("refunds", "processed")
    await sale.books_agree()


async def test_what_somebody_gave_back_at_the_provider_is_in_our_books_too(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    await elsewhere(stage, "refund", transaction=sale.reference, amount=1_000_000, merchant_note="sorry")
    await sale.become("refunds", "processed")
    [refund] = await sale.refunds()
    assert (refund["reason"], refund["amount_minor"]) == ("made at the provider", 1_000_000)
    await sale.books_agree()


async def test_a_refund_of_a_payment_that_nobody_here_knows_is_for_a_person_to_look_at(stage: Stage) -> None:
    await stage.deliver(UNKNOWN_REFERENCE)
    await stage.outcome("T-nobody", "quarantined")


async def test_refunds_are_read_a_page_at_a_time_and_by_their_business_alone(stage: Stage) -> None:
    await control(stage, "refunds", hold=True)
    sale = await (await paid(stage)).settled()
    made = [await sale.refund(amount) for amount in (100, 200, 300)]
    page = common_pb2.PageRequest(limit=2)
    first = await stage.stub.ListRefunds(pb.ListRefundsRequest(page=page), metadata=sale.me)
    assert [refund.id for refund in first.refunds] == [made[2].id, made[1].id]
    page = common_pb2.PageRequest(cursor=first.page.next_cursor)
    request = pb.ListRefundsRequest(page=page, payment_id=sale.payment_id)
    rest = await stage.stub.ListRefunds(request, metadata=sale.me)
    assert ([refund.id for refund in rest.refunds], rest.page.next_cursor) == ([made[0].id], "")
    found = await stage.stub.GetRefund(pb.GetRefundRequest(refund_id=made[0].id), metadata=sale.me)
    assert found.refund.amount == common_pb2.Money(currency_code="NGN", amount_minor=100)
    other = stage.as_merchant(stage.invoices.bill())
    for refund_id, who in ((made[0].id, other), ("rfd_none", sale.me)):
        reading = stage.stub.GetRefund(pb.GetRefundRequest(refund_id=refund_id), metadata=who)
        assert await refused(reading) == "REFUND_NOT_FOUND"
    assert not (await stage.stub.ListRefunds(pb.ListRefundsRequest(), metadata=other)).refunds


async def test_what_is_on_its_way_back_can_be_watched(stage: Stage) -> None:
    await control(stage, "refunds", hold=True)
    sale = await (await paid(stage)).settled()
    await sale.refund(100)

    async def seen() -> bool:
        await MoneyBackGauges(stage.process.unit_of_work).work()
        pending = REFUNDS.labels("pending")._value.get()  # noqa: SLF001  (how the client's own tests read a gauge)
        return bool(pending >= 1 and OLDEST._value.get() > 0)  # noqa: SLF001  (as above)

    await eventually(seen, sale.refunds)
