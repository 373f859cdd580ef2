"""A Paystack client that others wrote, unchanged but for the address it calls."""

import asyncio
from http import HTTPStatus
from typing import Any

import pytest
from pypaystack2 import AsyncPaystackClient
from pypaystack2.base_clients import AbstractAPIClient
from pypaystack2.enums import Currency
from support.sandbox_stage import SECRET_KEY, Stage, until


@pytest.fixture
def client(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncPaystackClient:
    monkeypatch.setattr(AbstractAPIClient, "_BASE_URL", f"{stage.server.address}/paystack")
    return AsyncPaystackClient(SECRET_KEY)


def good(answer: Any) -> Any:
    """The data, which the client has made a model of; it gives None for what it cannot read."""
    assert (answer.status_code, answer.status) == (HTTPStatus.OK, True), answer
    assert answer.data is not None, answer.raw
    return answer.data


async def test_it_starts_and_verifies_a_payment(stage: Stage, client: AsyncPaystackClient) -> None:
    asked: Any = {"amount": 7500000, "email": "jane@example.com", "currency": Currency.NGN, "reference": "01k3abc.1"}
    started = good(await client.transactions.initialize(**asked))
    assert started.reference == "01k3abc.1"
    before = good(await client.transactions.verify("01k3abc.1"))
    assert (before.status, before.paid_at) == ("abandoned", None)
    await stage.pay(started.access_code, outcome="success")
    paid = good(await client.transactions.verify("01k3abc.1"))
    assert (paid.status, paid.amount, paid.fees, paid.currency) == ("success", 7500000, 122500, Currency.NGN)
    assert paid.authorization["channel"] == "card"
    assert good(await client.transactions.get_transaction(paid.id)).reference == "01k3abc.1"


async def test_it_lists_payments_by_page(stage: Stage, client: AsyncPaystackClient) -> None:
    for number in range(3):
        await stage.paid(f"r{number}")
    first = good(await client.transactions.get_transactions(pagination=2))
    assert [transaction.reference for transaction in first] == ["r2", "r1"]
    second = good(await client.transactions.get_transactions(page=2, pagination=2))
    assert [transaction.reference for transaction in second] == ["r0"]


async def test_it_refunds_and_follows_the_refund(stage: Stage, client: AsyncPaystackClient) -> None:
    await stage.paid()
    refund = good(await client.refunds.create("01k3abc.1", amount=2500000, merchant_note="rfd_1"))
    assert (refund.status, refund.amount, refund.merchant_note) == ("pending", 2500000, "rfd_1")
    await until(lambda: stage.told("refund.processed"))
    (listed,) = good(await client.refunds.get_refunds())
    assert (listed.id, listed.status, listed.transaction_reference) == (refund.id, "processed", "01k3abc.1")
    assert good(await client.refunds.get_refund(refund.id)).refunded_at is not None


async def test_it_is_told_what_it_did_wrong(stage: Stage, client: AsyncPaystackClient) -> None:
    await stage.paid()
    too_much, unknown = await asyncio.gather(
        client.refunds.create("01k3abc.1", amount=7500001), client.transactions.verify("none")
    )
    assert (too_much.status_code, too_much.status, too_much.code) == (400, False, "invalid_refund_amount")
    assert (unknown.status_code, unknown.code) == (404, "transaction_not_found")


async def test_it_believes_the_signature(stage: Stage, client: AsyncPaystackClient) -> None:
    await stage.paid()
    told = stage.receiver.received[0]
    signature = told.headers["x-paystack-signature"]
    assert client.is_verified_webhook_payload(told.body, signature)
    assert not client.is_verified_webhook_payload(told.body + b" ", signature)
