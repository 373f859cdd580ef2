"""F13 and F10: every way of paying is split to the merchant by the provider's `fees_split`; one open attempt each."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from support.payments.stage import Stage, eventually
from support.payments.surprises import events_of, start_transfer
from whatsinvoice.payments.v1 import events_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_payments.models import PAYMENTS

DUE = 7_500_000


async def a_merchant_with_an_account(stage: Stage) -> str:
    """Return the token of an invoice whose merchant has a payout account."""
    token = stage.invoices.bill(DUE)
    await stage.known(token)
    request = pb.SetPayoutAccountRequest(bank_code="058", account_number="0123456789")
    await stage.stub.SetPayoutAccount(request, metadata=stage.as_merchant(token))
    return token


async def by_checkout(stage: Stage, token: str) -> str:
    checkout = await stage.start(token)
    await stage.pay(checkout)
    return checkout.reference


async def by_ussd(stage: Stage, token: str) -> str:
    checkout = await stage.start(token)
    await stage.pay(checkout, channel="ussd")
    return checkout.reference


async def by_transfer(stage: Stage, token: str) -> str:
    made = await start_transfer(stage, token)
    await stage.transfer(made.account.account_number, DUE)
    return made.reference


async def by_deposit(stage: Stage, token: str) -> str:
    bill = stage.invoices.by_token[token]
    request = pb.CreateVirtualAccountRequest(customer_id=bill.customer_id)
    made = await stage.stub.CreateVirtualAccount(request, metadata=stage.as_merchant(token))
    await stage.transfer(made.account.account_number, DUE)

    async def there() -> bool:
        return bool(await stage.payments(token))

    await eventually(there, lambda: stage.payments(token))
    return str((await stage.payments(token))[-1]["reference"])


WAYS = [by_checkout, by_ussd, by_transfer, by_deposit]


@pytest.mark.parametrize("pay", WAYS, ids=lambda way: way.__name__)
async def test_f13_the_money_goes_to_the_merchant_by_every_way_of_paying(stage: Stage, pay: Any) -> None:
    token = await a_merchant_with_an_account(stage)
    reference = await pay(stage, token)
    await stage.becomes(token, "succeeded")
    charge = await stage.verified(reference)
    [payment] = await stage.payments(token)
    assert charge["subaccount"]["subaccount_code"] == payment["split_subaccount"] != ""
    fees = charge["fees"] if payment["split_bearer"] == "subaccount" else 0
    assert charge["fees_split"]["subaccount"] == DUE - fees


@pytest.mark.parametrize("pay", WAYS, ids=lambda way: way.__name__)
async def test_f13_money_that_is_not_split_as_asked_is_held(stage: Stage, pay: Any) -> None:
    token = await a_merchant_with_an_account(stage)
    await stage.fault("verify", "lie", field="split")
    await pay(stage, token)
    await stage.becomes(token, "quarantined")
    await stage.no_faults()
    [payment] = await stage.payments(token)
    assert "verified split None, asked Split(" in payment["reason"]
    assert await stage.ledger(token) == {}
    assert len(await events_of(stage, token, events_pb2.PaymentQuarantined)) == 1


async def test_f13_a_split_that_was_not_asked_for_is_held(stage: Stage) -> None:
    token = await a_merchant_with_an_account(stage)
    checkout = await stage.start(token)
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(update(PAYMENTS).where(PAYMENTS.c.reference == checkout.reference).values(split_subaccount=""))
    await stage.pay(checkout)
    await stage.becomes(token, "quarantined")
    [payment] = await stage.payments(token)
    assert "asked None" in payment["reason"]


async def test_f10_one_account_for_many_who_ask_at_once(stage: Stage) -> None:
    token = stage.invoices.bill(DUE)
    made = await asyncio.gather(*(start_transfer(stage, token) for _ in range(6)))
    assert len({one.account.account_number for one in made}) == 1
    assert len(await stage.payments(token)) == 1


async def test_f10_a_provider_that_fails_leaves_one_row_however_often_it_is_asked(stage: Stage) -> None:
    token = stage.invoices.bill(DUE)
    await stage.fault("charge_create", "http_5xx")
    for _ in range(8):
        await asyncio.gather(start_transfer(stage, token), return_exceptions=True)
    assert await stage.statuses(token) == ["initialized"]
    await stage.no_faults()
    await asyncio.sleep(0.3)  # the circuit lets calls through again
    made = await start_transfer(stage, token)
    assert [row["reference"] for row in await stage.payments(token)] == [made.reference]


async def test_f10_an_account_whose_answer_was_lost_is_given_up(stage: Stage) -> None:
    token = stage.invoices.bill(DUE)
    await stage.fault("charge_create", "timeout", count=1)
    await asyncio.gather(start_transfer(stage, token), return_exceptions=True)
    await stage.no_faults()
    made = await start_transfer(stage, token)
    assert await stage.statuses(token) == ["unknown", "pending"]
    assert made.reference.endswith(".2")


@pytest.mark.parametrize("means", ["checkout", "bank_transfer"])
async def test_f10_another_amount_takes_the_place_of_the_open_attempt(stage: Stage, means: str) -> None:
    token = stage.invoices.bill(DUE)
    begin = stage.start if means == "checkout" else lambda token: start_transfer(stage, token)
    first: Any = await begin(token)
    stage.invoices.by_token[token].amount_due.amount_minor = 5_000_000
    second: Any = await begin(token)
    assert first.reference != second.reference
    rows = [(row["status"], row["means"], row["reason"]) for row in await stage.payments(token)]
    assert rows == [("abandoned", means, "superseded by another attempt"), ("pending", means, "")]


async def test_f10_money_for_a_superseded_attempt_still_counts(stage: Stage) -> None:
    token = stage.invoices.bill(DUE)
    first = await stage.start(token)
    stage.invoices.by_token[token].amount_due.amount_minor = 5_000_000
    await stage.start(token)
    await stage.pay(first)
    await stage.becomes(token, "succeeded", "pending")
