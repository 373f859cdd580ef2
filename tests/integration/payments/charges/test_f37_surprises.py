"""F37: surprises of money are reported to both sides with the next step."""

import grpc
import pytest
from support.payments.money_back import Paid, paid
from support.payments.stage import Stage
from support.payments.surprises import events_of, options, record, start_transfer, undo
from support.services import reason_of
from whatsinvoice.payments.v1 import events_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb

DUE = 7_500_000


async def test_f37_more_than_is_due_needs_as_credit(stage: Stage) -> None:
    token = stage.invoices.bill()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await record(stage, token, amount_minor=DUE + 1)
    assert reason_of(refused.value) == "AMOUNT_TOO_LARGE"
    assert await stage.payments(token) == []
    payment = await record(stage, token, amount_minor=DUE + 1, as_credit=True)
    assert payment.amount.amount_minor == DUE + 1


@pytest.mark.parametrize(("method", "account"), [("cash", "cash"), ("bank_transfer", "bank")])
async def test_f37_a_manual_payment_is_undone_by_its_own_entries(stage: Stage, method: str, account: str) -> None:
    token = stage.invoices.bill()
    payment = await record(stage, token, method=method)
    first = await undo(stage, token, payment.id, key="undo-1")
    assert (first.status, first.reason) == (pb.PAYMENT_STATUS_REVERSED, "typed twice")
    assert first.refunded_minor == DUE
    assert await undo(stage, token, payment.id, key="undo-1") == first
    assert await stage.ledger(token) == {account: 0, "receivable": 0}
    [event] = await events_of(stage, token, events_pb2.PaymentReversed)
    assert (event.cause, event.reopen, event.amount_minor) == ("undo", True, DUE)


async def test_f37_an_undo_needs_a_reason_and_happens_once(stage: Stage) -> None:
    token = stage.invoices.bill()
    payment = await record(stage, token)
    reasons = []
    for reason in ("", " ", "x" * 201):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await undo(stage, token, payment.id, reason)
        reasons.append(reason_of(refused.value))
    assert reasons == ["REASON_REQUIRED", "REASON_REQUIRED", "REASON_TOO_LONG"]
    await undo(stage, token, payment.id)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await undo(stage, token, payment.id)
    assert reason_of(refused.value) == "PAYMENT_UNDONE"


async def test_f37_a_payment_of_the_provider_is_refunded_and_not_undone(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await undo(stage, sale.token, sale.payment_id)
    assert reason_of(refused.value) == "PAYMENT_NOT_MANUAL"


async def test_f37_another_business_cannot_undo_it(stage: Stage) -> None:
    hers, mine = stage.invoices.bill(), stage.invoices.bill()
    payment = await record(stage, hers)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await undo(stage, mine, payment.id)
    assert reason_of(refused.value) == "PAYMENT_NOT_FOUND"


async def quarantined(stage: Stage) -> Paid:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.fault("webhook", "lie", field="amount")
    await stage.pay(checkout)
    await stage.becomes(token, "quarantined")
    await stage.no_faults()
    [row] = await stage.payments(token)
    return Paid(stage, token, checkout.reference, str(row["id"]))


async def test_f37_money_in_quarantine_is_reported_and_offers_no_second_way_to_pay(stage: Stage) -> None:
    sale = await quarantined(stage)
    [event] = await events_of(stage, sale.token, events_pb2.PaymentQuarantined)
    assert event.received.amount_minor == DUE
    found = await options(stage, sale.token, sale.reference)
    assert (found.under_review, found.pay_online, found.pay_with_transfer) == (True, False, False)
    assert found.outcome == pb.ATTEMPT_OUTCOME_UNDER_REVIEW
    refused = set()
    for call in (stage.start(sale.token), start_transfer(stage, sale.token), record(stage, sale.token)):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        refused.add(reason_of(error.value))
    assert refused == {"PAYMENT_UNDER_REVIEW"}


async def test_f37_a_wrong_transfer_is_reported_with_both_amounts(stage: Stage) -> None:
    token = stage.invoices.bill(4_000_000)
    made = await start_transfer(stage, token)
    await stage.transfer(made.account.account_number, 3_900_000)
    await stage.becomes(token, "failed")
    [event] = await events_of(stage, token, events_pb2.PaymentFailed)
    assert (event.transfer_returned, event.sent_minor) == (True, 3_900_000)
    assert event.payment.amount.amount_minor == 4_000_000
    found = await options(stage, token, made.reference)
    assert found.outcome == pb.ATTEMPT_OUTCOME_RETURNED
    assert found.outcome_reason == "incorrect amount sent"


async def test_f37_an_account_that_is_left_open_is_warned_about(stage: Stage) -> None:
    token = stage.invoices.bill()
    made = await start_transfer(stage, token)
    [shown] = (await options(stage, token)).open_transfers
    assert (shown.account.account_number, shown.amount.amount_minor) == (made.account.account_number, DUE)
    await record(stage, token)
    [event] = await events_of(stage, token, events_pb2.TransferAccountLeftOpen)
    assert event.payment.reference == made.reference
    assert (event.account.account_number, event.expire_time) == (made.account.account_number, made.expire_time)
