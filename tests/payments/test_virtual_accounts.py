"""Accounts of customers' own: opened once, and money that comes into one pays the oldest invoice."""

import grpc
import pytest
from payments.stage import Stage
from support.services import reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_payments.repository.virtual_accounts import find_virtual_account


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
