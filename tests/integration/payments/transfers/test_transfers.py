"""Paying by bank transfer: an account for just what is due, handed out again while it takes money."""

import asyncio
from typing import Any

import grpc
import pytest
from sqlalchemy import update
from support.payments.stage import Stage
from support.services import reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.core.clock import now
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.models import PAYMENTS
from whatsinvoice_payments.service.transfers import TransferService

DUE = 7_500_000


async def start(stage: Stage, token: str) -> pb.StartTransferResponse:
    request = pb.StartTransferRequest(token=token)
    return await stage.stub.StartTransfer(request, metadata=stage.as_gateway)


async def details(stage: Stage, token: str) -> pb.GetPaymentOptionsResponse:
    request = pb.GetPaymentOptionsRequest(token=token)
    return await stage.stub.GetPaymentOptions(request, metadata=stage.as_gateway)


async def test_the_right_amount_into_the_account_settles_the_invoice(stage: Stage) -> None:
    token = stage.invoices.bill()
    transfer = await start(stage, token)
    assert transfer.account.account_number
    assert transfer.account.bank_name
    assert transfer.amount.amount_minor == DUE
    assert 600 < transfer.expire_time.seconds - now().timestamp() <= 3600
    assert await stage.statuses(token) == ["pending"]
    assert await stage.transfer(transfer.account.account_number, DUE) == 201
    await stage.becomes(token, "succeeded")
    (payment,) = await stage.payments(token)
    assert (payment["settled_minor"], payment["channel"], payment["reference"]) == (
        DUE,
        "bank_transfer",
        transfer.reference,
    )


async def test_an_account_that_still_takes_the_amount_is_handed_out_again(stage: Stage) -> None:
    token = stage.invoices.bill()
    first = await start(stage, token)
    again = await asyncio.gather(*(start(stage, token) for _ in range(5)))
    assert {transfer.account.account_number for transfer in again} == {first.account.account_number}
    stage.invoices.by_token[token].amount_due.amount_minor = DUE - 100
    other = await start(stage, token)
    assert other.account.account_number != first.account.account_number
    assert [row["asked_minor"] for row in await stage.payments(token)] == [DUE, DUE - 100]


async def test_a_checkout_and_a_transfer_stand_beside_each_other(stage: Stage) -> None:
    token = stage.invoices.bill()
    transfer = await start(stage, token)
    checkout = await stage.start(token)
    assert checkout.authorization_url.startswith("http")
    assert checkout.reference != transfer.reference
    assert (await start(stage, token)).reference == transfer.reference
    assert await stage.statuses(token) == ["pending", "pending"]


async def test_while_the_provider_is_away_the_details_are_still_told(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.fault("charge_create", "http_5xx")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await start(stage, token)
    assert reason_of(refused.value) == "PROVIDER_UNAVAILABLE"
    found = await details(stage, token)
    assert (found.HasField("account"), found.narration, found.pay_with_transfer) == (False, "INV-000001", True)
    await stage.no_faults()
    assert (await start(stage, token)).account.account_number


async def test_what_is_not_due_or_in_another_currency_is_not_offered(stage: Stage) -> None:
    paid = stage.invoices.bill(0)
    dollars = stage.invoices.bill()
    stage.invoices.by_token[dollars].amount_due.currency_code = "USD"
    for token in (paid, dollars):
        assert not (await details(stage, token)).pay_with_transfer
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await start(stage, token)
        assert reason_of(refused.value) == "INVOICE_NOT_PAYABLE"


async def test_a_link_that_leads_nowhere(stage: Stage) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await details(stage, "nowhere")
    assert reason_of(refused.value) == "LINK_NOT_FOUND"


async def test_a_crash_between_the_providers_answer_and_our_commit_loses_no_money(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account of the first try is known to nobody but the provider; who sends money there has paid all the same."""
    token = stage.invoices.bill()
    opened: list[str] = []
    charge = PaystackBanking.charge_by_transfer

    async def noted(self: PaystackBanking, attempt: Payment, **how: Any) -> Any:
        answer = await charge(self, attempt, **how)
        opened.append(answer[0].account_number)
        return answer

    async def crash(*_: Any) -> None:
        raise ConnectionError("killed")

    monkeypatch.setattr(PaystackBanking, "charge_by_transfer", noted)
    with monkeypatch.context() as crashing:
        crashing.setattr(TransferService, "_record", crash)
        with pytest.raises(grpc.aio.AioRpcError):
            await start(stage, token)
    assert await stage.statuses(token) == ["initialized"]
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(update(PAYMENTS).values(opening_until=now()).where(PAYMENTS.c.status == "initialized"))
    again = await start(stage, token)
    assert again.account.account_number == opened[1] != opened[0]
    assert await stage.transfer(opened[0], DUE) == 201
    await stage.becomes(token, "succeeded", "pending")
    told = [type(event).__name__ for event in await stage.told(token)]
    assert told == ["PaymentSucceeded", "TransferAccountLeftOpen"], "the second account still takes money"


async def test_a_wrong_amount_that_went_back_fails_the_attempt_and_another_may_be_made(stage: Stage) -> None:
    token = stage.invoices.bill()
    sent = await start(stage, token)
    assert await stage.transfer(sent.account.account_number, DUE - 1) == 201
    await stage.becomes(token, "failed")
    [failed] = await stage.told(token)
    assert isinstance(failed, PaymentFailed)
    assert failed.reason == "incorrect amount sent"
    assert await stage.ledger(token) == {}
    await stage.transfer(sent.account.account_number, DUE)  # the account takes the right amount still
    await stage.becomes(token, "succeeded")


async def test_a_wrong_amount_beside_the_right_one_fails_nothing(stage: Stage) -> None:
    token = stage.invoices.bill()
    sent = await start(stage, token)
    await stage.fault("webhook", "delay", event="bank.transfer.rejected", seconds=0.5)
    await stage.transfer(sent.account.account_number, DUE - 1)
    await stage.transfer(sent.account.account_number, DUE)
    await stage.becomes(token, "succeeded")
    [payment] = await stage.payments(token)
    rejected = str((await stage.verified(payment["reference"]))["id"])
    await stage.outcome(rejected, "unchanged")
    assert await stage.statuses(token) == ["succeeded"]


async def test_a_rejected_transfer_to_nobody_we_know_is_for_a_person_to_look_at(stage: Stage) -> None:
    await stage.deliver(b'{"event":"bank.transfer.rejected","data":{"bank_transfer":{"transaction_id":"12345"}}}')
    await stage.outcome("12345", "quarantined")
