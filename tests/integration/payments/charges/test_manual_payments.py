"""Money that the merchant took herself: in the books at once, told once, and more than due becomes credit."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from support.payments.stage import Stage
from support.payments.surprises import record
from support.services import reason_of
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.clock import now

DUE = 7_500_000


@pytest.mark.parametrize(
    ("method", "account"), [("cash", "cash"), ("bank_transfer", "bank"), ("pos", "bank"), ("other", "bank")]
)
async def test_it_is_in_the_books_and_told_at_once(stage: Stage, method: str, account: str) -> None:
    token = stage.invoices.bill()
    payment = await record(stage, token, method=method, note="at the shop")
    assert payment.status == pb.PAYMENT_STATUS_SUCCEEDED
    assert (payment.amount.amount_minor, payment.channel) == (DUE, method)
    assert payment.provider == "manual"
    assert [row["note"] for row in await stage.payments(token)] == ["at the shop"]
    assert payment.HasField("paid_time")
    assert await stage.ledger(token) == {account: DUE, "receivable": -DUE}
    (told,) = await stage.told(token)
    assert told.payment == payment


async def test_more_than_is_due_is_taken_whole(stage: Stage) -> None:
    token = stage.invoices.bill()
    payment = await record(stage, token, amount_minor=DUE + 1, as_credit=True)
    assert payment.amount.amount_minor == DUE + 1


async def test_the_day_it_was_taken_is_kept(stage: Stage) -> None:
    token = stage.invoices.bill()
    request: dict[str, Any] = {"amount_minor": 100}
    yesterday = now() - timedelta(days=1)
    pb_time = pb.RecordPaymentRequest().paid_time
    pb_time.FromDatetime(yesterday)
    payment = await record(stage, token, paid_time=pb_time, **request)
    assert payment.paid_time == pb_time


async def test_a_key_records_once_and_gives_the_first_answer_even_when_nothing_is_due_by_then(stage: Stage) -> None:
    token = stage.invoices.bill()
    first = await record(stage, token, key="taken")
    stage.invoices.by_token[token].amount_due.amount_minor = 0
    assert await record(stage, token, key="taken") == first
    assert len(await stage.payments(token)) == 1


async def test_all_that_is_due_is_not_taken_twice_before_invoices_has_heard(stage: Stage) -> None:
    token = stage.invoices.bill()
    calls = [record(stage, token, key=f"key-{n}") for n in range(8)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(answer, pb.Payment) for answer in answers) == 1
    refused = {reason_of(answer) for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert refused == {"INVOICE_NOT_PAYABLE"}
    assert await stage.ledger(token) == {"cash": DUE, "receivable": -DUE}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"method": "barter"}, "METHOD_INVALID"),
        ({"amount_minor": -1}, "AMOUNT_INVALID"),
        ({"amount_minor": 10**15}, "AMOUNT_INVALID"),
        ({"note": "x" * 201}, "NOTE_TOO_LONG"),
        ({"invoice_id": "inv_of_somebody_else"}, "INVOICE_NOT_FOUND"),
    ],
)
async def test_a_broken_rule_is_named_and_nothing_is_written(stage: Stage, given: dict[str, Any], reason: str) -> None:
    token = stage.invoices.bill()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await record(stage, token, **given)
    assert reason_of(refused.value) == reason
    assert await stage.payments(token) == []


async def test_money_from_the_future_is_refused(stage: Stage) -> None:
    token = stage.invoices.bill()
    later = pb.RecordPaymentRequest().paid_time
    later.FromDatetime(now() + timedelta(hours=1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await record(stage, token, paid_time=later)
    assert reason_of(refused.value) == "PAID_TIME_INVALID"


@pytest.mark.parametrize(
    "status",
    [invoices_pb2.INVOICE_STATUS_DRAFT, invoices_pb2.INVOICE_STATUS_VOID, invoices_pb2.INVOICE_STATUS_PAID],
)
async def test_only_an_open_invoice_takes_it(stage: Stage, status: "invoices_pb2.InvoiceStatus.ValueType") -> None:
    token = stage.invoices.bill(status=status)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await record(stage, token)
    assert reason_of(refused.value) == "INVOICE_NOT_PAYABLE"


async def test_a_strangers_invoice_is_not_there(stage: Stage) -> None:
    hers, mine = stage.invoices.bill(), stage.invoices.bill()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await record(stage, mine, invoice_id=stage.invoices.by_token[hers].invoice_id)
    assert reason_of(refused.value) == "INVOICE_NOT_FOUND"
