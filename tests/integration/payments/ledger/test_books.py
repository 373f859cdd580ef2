"""The ledger's walls, and what a business may read of it: its own, and nothing else."""

from contextlib import closing
from typing import Any

import grpc
import psycopg
import pytest
from support.payments.stage import Stage
from support.services import bearer, reason_of
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.servicer import ACCESS

INSERT = """
    INSERT INTO payments.ledger_entries
        (id, business_id, entry_set_id, purpose, account, currency, amount_minor, payment_id, invoice_id, created_at)
    VALUES (%s, %s, 'set_1' || %s, 'payment', %s, %s, %s, %s, 'inv_1', now())
"""


EVERY_BUSINESS = "-c app.business_id=*"


def post(url: str, *postings: tuple[str, str, int]) -> None:
    """Commits one set of (account, currency, amount) as the service's own role."""
    business, entry_set, payment = new_id("biz"), new_id("set"), new_id("pay")
    with closing(psycopg.connect(url, options=EVERY_BUSINESS)) as connection, connection.transaction():
        for account, currency, amount in postings:
            connection.execute(INSERT, (new_id("led"), business, entry_set, account, currency, amount, payment))


def test_only_balanced_sets_are_committed(backing: dict[str, str]) -> None:
    url = backing["database_url"]
    post(url, ("paystack_clearing", "NGN", 90), ("fees", "NGN", 10), ("receivable", "NGN", -100))
    for wrong in (
        (("receivable", "NGN", -100),),
        (("paystack_clearing", "NGN", 99), ("receivable", "NGN", -100)),
        (("paystack_clearing", "NGN", 100), ("receivable", "GHS", -100)),
    ):
        with pytest.raises(psycopg.errors.CheckViolation, match="does not balance"):
            post(url, *wrong)
    with pytest.raises(psycopg.errors.CheckViolation, match="account"):
        post(url, ("pocket", "NGN", 100), ("receivable", "NGN", -100))
    with pytest.raises(psycopg.errors.UniqueViolation):
        post(url, ("bank", "NGN", 100), ("bank", "NGN", -100))


async def a_settled_invoice(stage: Stage) -> tuple[str, str]:
    """Its token and the id of its payment."""
    token = stage.invoices.bill(7_500_000)
    await stage.pay(await stage.start(token))
    await stage.becomes(token, "succeeded")
    return token, (await stage.payments(token))[0]["id"]


async def test_a_business_reads_its_payments_its_ledger_and_its_balance(stage: Stage) -> None:
    token, payment_id = await a_settled_invoice(stage)
    me = stage.as_merchant(token)
    got = await stage.stub.GetPayment(pb.GetPaymentRequest(payment_id=payment_id), metadata=me)
    assert got.payment.status == pb.PAYMENT_STATUS_SUCCEEDED
    assert got.payment.provider == "paystack"
    listed = await stage.stub.ListPayments(pb.ListPaymentsRequest(), metadata=me)
    assert list(listed.payments) == [got.payment]
    entries = (await stage.stub.ListLedgerEntries(pb.ListLedgerEntriesRequest(), metadata=me)).entries
    assert len({entry.entry_set_id for entry in entries}) == 1
    assert {entry.payment_id for entry in entries} == {payment_id}
    balances = (await stage.stub.GetBalance(pb.GetBalanceRequest(), metadata=me)).balances
    assert {found.account: found.balance.amount_minor for found in balances} == await stage.ledger(token)
    assert {entry.account: entry.amount.amount_minor for entry in entries} == await stage.ledger(token)


async def test_another_business_reads_none_of_it(stage: Stage) -> None:
    _, payment_id = await a_settled_invoice(stage)
    other = stage.as_merchant(stage.invoices.bill())
    for wanted in (payment_id, "pay_nothing", ""):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.stub.GetPayment(pb.GetPaymentRequest(payment_id=wanted), metadata=other)
        assert reason_of(refused.value) == "PAYMENT_NOT_FOUND"
    assert not (await stage.stub.ListPayments(pb.ListPaymentsRequest(), metadata=other)).payments
    assert not (await stage.stub.ListLedgerEntries(pb.ListLedgerEntriesRequest(), metadata=other)).entries
    assert not (await stage.stub.GetBalance(pb.GetBalanceRequest(), metadata=other)).balances


async def test_pages_go_from_the_newest_to_the_oldest(stage: Stage) -> None:
    token = stage.invoices.bill()
    for due in (3_000_000, 2_000_000, 1_000_000):
        stage.invoices.by_token[token].amount_due.amount_minor = due
        await stage.start(token)
    me, invoice_id = stage.as_merchant(token), stage.invoices.by_token[token].invoice_id

    async def page(cursor: str) -> Any:
        request = pb.ListPaymentsRequest(invoice_id=invoice_id, page=common_pb2.PageRequest(limit=2, cursor=cursor))
        return await stage.stub.ListPayments(request, metadata=me)

    first = await page("")
    second = await page(first.page.next_cursor)
    assert [p.amount.amount_minor for p in (*first.payments, *second.payments)] == [1_000_000, 2_000_000, 3_000_000]
    assert second.page.next_cursor == ""
    for wrong in (
        common_pb2.PageRequest(limit=101),
        common_pb2.PageRequest(limit=-1),
        common_pb2.PageRequest(cursor="x"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.stub.ListPayments(pb.ListPaymentsRequest(page=wrong), metadata=me)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_payments_of_one_status_are_found(stage: Stage) -> None:
    token = stage.invoices.bill()
    me, invoice_id = stage.as_merchant(token), stage.invoices.by_token[token].invoice_id
    await stage.start(token)
    await stage.stub.RecordPayment(
        pb.RecordPaymentRequest(invoice_id=invoice_id, method="cash", amount_minor=100), metadata=me
    )

    async def listed(**wanted: Any) -> list[int]:
        found = await stage.stub.ListPayments(pb.ListPaymentsRequest(**wanted), metadata=me)
        return [payment.status for payment in found.payments]

    assert await listed(status=pb.PAYMENT_STATUS_SUCCEEDED) == [pb.PAYMENT_STATUS_SUCCEEDED]
    assert await listed(status=pb.PAYMENT_STATUS_PENDING) == [pb.PAYMENT_STATUS_PENDING]
    assert await listed(status=pb.PAYMENT_STATUS_QUARANTINED) == []
    assert await listed() == [pb.PAYMENT_STATUS_SUCCEEDED, pb.PAYMENT_STATUS_PENDING]
    assert await listed(status=pb.PAYMENT_STATUS_SUCCEEDED, invoice_id="inv_other") == []


async def test_a_statement_opens_and_closes_with_what_its_entries_say(stage: Stage) -> None:
    token = stage.invoices.bill()
    me, invoice_id = stage.as_merchant(token), stage.invoices.by_token[token].invoice_id
    for amount in (100, 20_000, 3_000):
        taken = pb.RecordPaymentRequest(invoice_id=invoice_id, method="cash", amount_minor=amount)
        await stage.stub.RecordPayment(taken, metadata=me)
    everything = await stage.stub.GetStatement(pb.GetStatementRequest(), metadata=me)
    assert [entry.amount.amount_minor for entry in everything.entries if entry.account == "cash"] == [
        100,
        20_000,
        3_000,
    ]
    assert not everything.opening
    span: dict[str, Any] = {
        "account": "cash",
        "currency_code": "NGN",
        "from_time": everything.entries[2].create_time,
        "to_time": everything.entries[4].create_time,
    }
    middle = await stage.stub.GetStatement(pb.GetStatementRequest(**span), metadata=me)
    assert [balance.balance.amount_minor for balance in middle.opening] == [100]
    assert [entry.amount.amount_minor for entry in middle.entries] == [20_000]
    assert [balance.balance.amount_minor for balance in middle.closing] == [20_100]
    first = await stage.stub.GetStatement(pb.GetStatementRequest(page=common_pb2.PageRequest(limit=4)), metadata=me)
    rest = pb.GetStatementRequest(page=common_pb2.PageRequest(cursor=first.page.next_cursor))
    second = await stage.stub.GetStatement(rest, metadata=me)
    assert [*first.entries, *second.entries] == list(everything.entries)
    turned = span | {"from_time": span["to_time"], "to_time": span["from_time"]}
    for wrong, reason in ((turned, "SPAN_INVALID"), ({"account": "pocket"}, "ACCOUNT_UNKNOWN")):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.stub.GetStatement(pb.GetStatementRequest(**wrong), metadata=me)
        assert reason_of(refused.value) == reason


async def test_who_may_call_what(stage: Stage) -> None:
    callers = {
        "gateway": stage.as_gateway,
        "invoices": bearer(stage.keyring.service_token("invoices", "payments", new_id("biz"))),
        "a user without the scope": bearer(stage.keyring.user_token(new_id("biz"), scope="invoices:read")),
        "a user": bearer(stage.keyring.user_token(new_id("biz"))),
    }
    for rpc in ACCESS:
        refused = set()
        for caller, metadata in callers.items():
            call = getattr(stage.stub, rpc)
            try:
                await call(getattr(pb, f"{rpc}Request")(), metadata=metadata)
            except grpc.aio.AioRpcError as error:
                if reason_of(error) == "NOT_ALLOWED":
                    refused.add(caller)
        provider_side = rpc in ("StartCheckout", "ReceivePaystackWebhook", "GetPaymentOptions", "StartTransfer")
        allowed = {"gateway"} if provider_side else {"a user"}
        assert refused == set(callers) - allowed, rpc
