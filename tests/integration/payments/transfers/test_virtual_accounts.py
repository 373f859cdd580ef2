"""Accounts of customers' own: opened once, and money that comes into one pays the oldest invoice."""

import asyncio
from dataclasses import replace
from typing import Any

import grpc
import pytest
from sqlalchemy.exc import IntegrityError
from support.payments.stage import Stage
from support.services import reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import not_found
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.domain.charge import Charge, ChargeStatus
from whatsinvoice_payments.domain.payment import Payable
from whatsinvoice_payments.repository.virtual_accounts import add_virtual_account, find_virtual_account
from whatsinvoice_payments.service.settlement import Result, settle
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService


async def create(stage: Stage, token: str) -> pb.BankAccount:
    request = pb.CreateVirtualAccountRequest(customer_id=stage.invoices.by_token[token].customer_id)
    answer = await stage.stub.CreateVirtualAccount(request, metadata=stage.as_merchant(token))
    account: pb.BankAccount = answer.account
    return account


async def test_it_is_opened_once_in_the_customers_name(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.known(token)
    account = await create(stage, token)
    assert "JANE OKAFOR" in account.account_name.upper()
    assert await create(stage, token) == account
    bill = stage.invoices.by_token[token]
    async with stage.process.unit_of_work.read() as tx:
        found = await find_virtual_account(tx, account_number=account.account_number)
        assert found
        assert (found.business_id, found.customer_id) == (bill.business_id, bill.customer_id)
        assert await find_virtual_account(tx, customer_code=found.customer_code) == found
        assert await find_virtual_account(tx) is None


async def test_an_account_is_never_given_to_two_customers(stage: Stage) -> None:
    tokens = [stage.invoices.bill() for _ in range(2)]
    for token in tokens:
        await stage.known(token)
    account = await create(stage, tokens[0])
    bill = stage.invoices.by_token[tokens[1]]
    async with stage.process.unit_of_work.read() as tx:
        hers = await find_virtual_account(tx, account_number=account.account_number)
    assert hers
    same = replace(hers, id=new_id("vac"), business_id=bill.business_id, customer_id=bill.customer_id)
    with pytest.raises(IntegrityError):
        async with stage.process.unit_of_work.begin() as tx:
            await add_virtual_account(tx, same)


async def test_two_merchants_with_one_customer_of_one_address_have_two_accounts(stage: Stage) -> None:
    numbers = set()
    for _ in range(2):
        token = stage.invoices.bill(customer_email="jane@example.com")
        await stage.known(token)
        numbers.add((await create(stage, token)).account_number)
    assert len(numbers) == 2


async def test_a_country_without_them_and_a_stranger(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.known(token, country="KE", currency_code="KES")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(stage, token)
    assert reason_of(refused.value) == "VIRTUAL_ACCOUNT_UNAVAILABLE"
    hers, mine = stage.invoices.bill(), stage.invoices.bill()
    await stage.known(mine)
    request = pb.CreateVirtualAccountRequest(customer_id=stage.invoices.by_token[hers].customer_id)
    with pytest.raises(grpc.aio.AioRpcError) as nothing:
        await stage.stub.CreateVirtualAccount(request, metadata=stage.as_merchant(mine))
    assert reason_of(nothing.value) == "INVOICE_NOT_FOUND"


class Bills:
    """Invoices of one customer, as payments asks for them."""

    def __init__(self, payable: Payable | None) -> None:
        self.payable = payable

    async def payable_of_customer(self, business_id: str, customer_id: str) -> Payable:
        if self.payable is None or self.payable.business_id != business_id:
            raise not_found("INVOICE_NOT_FOUND", "the customer has no issued invoice")
        return self.payable


def adopting(stage: Stage, bills: Bills) -> VirtualAccountService:
    parts: Any = (stage.process.unit_of_work, None, bills)  # nothing is asked of the provider here
    return VirtualAccountService(*parts, email_domain="customers.test", reconcile_scale=1)


async def test_money_that_came_in_is_made_a_payment_of_her_oldest_invoice_once(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.known(token)
    account = await create(stage, token)
    bill = stage.invoices.by_token[token]
    payable = Payable(bill.business_id, bill.invoice_id, 7_500_000, "NGN", "", bill.public_url)
    service, reference = adopting(stage, Bills(payable)), new_id("T")
    into = {"account_number": account.account_number}
    adoptions = [service.adopt_transfer(reference, 2_500_000, "NGN", **into) for _ in range(8)]
    assert all(await asyncio.gather(*adoptions))
    (payment,) = await stage.payments(token)
    assert (payment["reference"], payment["asked_minor"], payment["status"]) == (reference, 2_500_000, "pending")
    charge = Charge(reference, ChargeStatus.SUCCESS, 2_500_000, None, 25_000, "NGN", "dedicated_nuban", now(), "")
    async with stage.process.unit_of_work.begin() as tx:
        assert (await settle(tx, reference, charge)).result is Result.SETTLED
    assert (await stage.ledger(token))["receivable"] == -2_500_000


async def test_what_is_nobodys_is_not_adopted(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.known(token)
    account = await create(stage, token)
    bill = stage.invoices.by_token[token]
    payable = Payable(bill.business_id, bill.invoice_id, 7_500_000, "NGN", "", bill.public_url)
    hers = {"account_number": account.account_number}
    dollars = replace(payable, currency="USD")
    for bills, currency, into in (
        (Bills(payable), "NGN", {"account_number": "0000000001"}),
        (Bills(payable), "GHS", hers),
        (Bills(dollars), "NGN", hers),
        (Bills(None), "NGN", hers),
        (Bills(payable), "NGN", {}),
    ):
        assert not await adopting(stage, bills).adopt_transfer(new_id("T"), 100, currency, **into)
    assert await stage.payments(token) == []


async def test_a_transfer_into_her_account_pays_her_invoice(stage: Stage) -> None:
    """The provider tells of it by a reference of its own."""
    token = stage.invoices.bill()
    await stage.known(token)
    account = await create(stage, token)
    sent = {"account_number": account.account_number, "amount_minor": 2_500_000}
    assert (await stage.sandbox.post("/_control/transfers", json=sent)).is_success
    await stage.becomes(token, "succeeded")
    (payment,) = await stage.payments(token)
    assert (payment["settled_minor"], payment["channel"]) == (2_500_000, "dedicated_nuban")
    assert (await stage.ledger(token))["receivable"] == -2_500_000
