"""Starting a checkout: one attempt a payer, none lost and none doubled, however the provider behaves."""

import asyncio
from typing import Any

import grpc
import pytest
from sqlalchemy import update
from support.keys import Keyring
from support.payments.stage import Stage, staged
from support.sandbox import Entrance
from support.services import reason_of
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.rpc.errors import from_rpc_error
from whatsinvoice_payments.clients.paystack_http import CALLS
from whatsinvoice_payments.models import PAYMENTS
from whatsinvoice_payments.repository import payments as payment_rows


async def refused(stage: Stage, token: str) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stage.start(token)
    return error.value


def initialize_calls() -> float:
    """How often the provider was asked for a checkout, whatever it said."""
    [metric] = CALLS.collect()
    return sum(s.value for s in metric.samples if s.name.endswith("_total") and s.labels["call"] == "initialize")


async def change(stage: Stage, token: str, **values: Any) -> None:
    """Puts the invoice's attempts into a state that a crash could have left."""
    invoice_id = stage.invoices.by_token[token].invoice_id
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(update(PAYMENTS).where(PAYMENTS.c.invoice_id == invoice_id).values(values))


async def crash_before_the_result(stage: Stage, token: str) -> None:
    """As if the process had died after the provider's answer and before the result was recorded, a while ago."""
    await change(stage, token, status="initialized", authorization_url="", access_code="", opening_until=now())


async def test_a_checkout_asks_paystack_for_what_is_due(stage: Stage) -> None:
    token = stage.invoices.bill(123_456)
    checkout = await stage.start(token)
    invoice = stage.invoices.by_token[token]
    asked = await stage.verified(checkout.reference)
    assert checkout.reference == f"{invoice.invoice_id.removeprefix('inv_')}.1"
    assert (asked["requested_amount"], asked["currency"]) == (123_456, "NGN")
    assert asked["customer"]["email"] == f"{invoice.invoice_id}@customers.whatsinvoice.invalid"
    assert asked["metadata"] == {"invoice_id": invoice.invoice_id}
    code = checkout.authorization_url.rpartition("/")[2]
    answer = await stage.sandbox.post(f"/_control/checkouts/{code}", json={"outcome": "success"})
    assert answer.json()["callback_url"].startswith(invoice.public_url)


async def test_the_customers_own_address_is_used_where_it_is_one(stage: Stage) -> None:
    for given, good in (
        ("jane@example.com", True),
        ("jane at example", False),
        ("a@b", False),
        ("é@example.com", False),
    ):
        token = stage.invoices.bill(customer_email=given)
        asked = await stage.verified((await stage.start(token)).reference)
        made = f"{stage.invoices.by_token[token].invoice_id}@customers.whatsinvoice.invalid"
        assert asked["customer"]["email"] == (given if good else made)


async def test_only_open_invoices_with_something_due_are_paid(stage: Stage) -> None:
    for status in ("DRAFT", "PAID", "VOID", "UNCOLLECTIBLE"):
        token = stage.invoices.bill(status=invoices_pb2.InvoiceStatus.Value(f"INVOICE_STATUS_{status}"))
        assert reason_of(await refused(stage, token)) == "INVOICE_NOT_PAYABLE", status
        assert await stage.payments(token) == [], status
    assert reason_of(await refused(stage, stage.invoices.bill(0))) == "INVOICE_NOT_PAYABLE"
    assert reason_of(await refused(stage, "tok_nobody")) == "LINK_NOT_FOUND"
    part = stage.invoices.bill(status=invoices_pb2.INVOICE_STATUS_PARTIALLY_PAID)
    assert (await stage.start(part)).authorization_url


async def test_the_same_amount_gets_the_same_checkout_again(stage: Stage) -> None:
    token = stage.invoices.bill()
    assert await stage.start(token) == await stage.start(token)
    assert len(await stage.payments(token)) == 1


async def test_another_amount_gets_the_next_attempt(stage: Stage) -> None:
    token = stage.invoices.bill(7_500_000)
    first = await stage.start(token)
    stage.invoices.by_token[token].amount_due.amount_minor = 2_500_000
    second = await stage.start(token)
    assert second.reference == f"{first.reference.removesuffix('.1')}.2"


async def test_an_old_checkout_is_not_handed_out_again(stage: Stage) -> None:
    token = stage.invoices.bill()
    first = await stage.start(token)
    [attempt] = await stage.payments(token)
    await change(stage, token, created_at=attempt["created_at"].replace(year=2025))
    assert (await stage.start(token)).reference != first.reference


async def test_many_at_once_get_one_attempt_that_the_provider_is_asked_for_once(stage: Stage) -> None:
    await stage.fault("initialize", "delay", seconds=0.1)
    before = initialize_calls()
    tokens = [stage.invoices.bill() for _ in range(4)]
    answers = await asyncio.gather(*(stage.start(token) for token in tokens for _ in range(6)))
    assert len({answer.authorization_url for answer in answers}) == len(tokens)
    for token in tokens:
        assert await stage.statuses(token) == ["pending"]
    assert initialize_calls() == before + len(tokens)


async def test_an_attempt_waits_for_whoever_is_just_beginning_one(stage: Stage) -> None:
    token = stage.invoices.bill()
    async with stage.process.unit_of_work.begin() as somebody:
        await payment_rows.lock_invoice(somebody, stage.invoices.by_token[token].invoice_id)
        starting = asyncio.create_task(stage.start(token))
        await asyncio.sleep(0.2)
        assert await stage.payments(token) == []
    assert (await starting).reference.endswith(".1")


async def test_a_payment_that_invoices_has_not_heard_of_is_not_collected_twice(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.pay(await stage.start(token))
    await stage.becomes(token, "succeeded")
    assert reason_of(await refused(stage, token)) == "INVOICE_NOT_PAYABLE"


async def test_a_provider_that_is_down_is_said_and_the_attempt_goes_on_later(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.fault("initialize", "http_5xx")
    error = from_rpc_error(await refused(stage, token))
    assert (error.kind.name, error.reason) == ("UNAVAILABLE", "PROVIDER_UNAVAILABLE")
    assert error.retry_after > 0
    assert await stage.statuses(token) == ["initialized"]
    await stage.no_faults()
    assert (await stage.start(token)).reference.endswith(".1")
    assert await stage.statuses(token) == ["pending"]


async def test_a_throttling_provider_is_left_alone_for_as_long_as_it_says(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.fault("initialize", "rate_limit", count=1)
    assert from_rpc_error(await refused(stage, token)).retry_after == 1
    assert reason_of(await refused(stage, token)) == "PROVIDER_UNAVAILABLE"
    await asyncio.sleep(1.05)
    assert (await stage.start(token)).authorization_url


async def test_an_address_where_nobody_answers_is_an_unavailable_provider(
    backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance
) -> None:
    async with staged(backing, keyring, sandbox_url, door, paystack_base_url="http://127.0.0.1:9/paystack") as stage:
        token = stage.invoices.bill()
        assert reason_of(await refused(stage, token)) == "PROVIDER_UNAVAILABLE"


async def test_a_wrong_key_is_our_fault_and_not_the_payers(
    backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance
) -> None:
    async with staged(backing, keyring, sandbox_url, door, paystack_secret_key="sk_test_another") as stage:
        token = stage.invoices.bill()
        assert reason_of(await refused(stage, token)) == "PROVIDER_UNAVAILABLE"
        assert await stage.statuses(token) == ["initialized"]


async def test_less_than_the_provider_takes_is_not_payable_and_not_tried_over_and_over(stage: Stage) -> None:
    token = stage.invoices.bill(100)
    for _ in range(3):
        assert reason_of(await refused(stage, token)) == "AMOUNT_BELOW_MINIMUM"
    assert await stage.statuses(token) == []


async def test_a_crash_before_the_provider_heard_opens_the_same_attempt(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.fault("initialize", "http_5xx")
    await refused(stage, token)
    await change(stage, token, opening_until=now())
    await stage.no_faults()
    await stage.start(token)
    assert await stage.statuses(token) == ["pending"]


async def test_a_crash_after_the_provider_heard_takes_the_next_attempt(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.start(token)
    await crash_before_the_result(stage, token)
    assert (await stage.start(token)).reference.endswith(".2")
    assert await stage.statuses(token) == ["unknown", "pending"]


async def test_a_crash_after_which_the_payer_paid_is_settled_and_not_collected_again(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    await crash_before_the_result(stage, token)
    assert reason_of(await refused(stage, token)) == "INVOICE_NOT_PAYABLE"
    assert await stage.statuses(token) == ["succeeded"]


async def test_a_reference_that_the_provider_has_from_elsewhere_is_left_to_it(stage: Stage) -> None:
    token = stage.invoices.bill()
    reference = f"{stage.invoices.by_token[token].invoice_id.removeprefix('inv_')}.1"
    body = {"email": "a@example.com", "amount": 7_500_000, "reference": reference}
    headers = {"authorization": "Bearer sk_test_whatsinvoice"}
    await stage.sandbox.post("/paystack/transaction/initialize", json=body, headers=headers)
    assert (await stage.start(token)).reference.endswith(".2")
    assert await stage.statuses(token) == ["unknown", "pending"]


async def test_a_callers_deadline_leaves_an_attempt_that_goes_on(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.fault("initialize", "timeout", seconds=1, count=1)
    with pytest.raises(grpc.aio.AioRpcError):
        await stage.stub.StartCheckout(pb.StartCheckoutRequest(token=token), metadata=stage.as_gateway, timeout=0.5)
    await change(stage, token, opening_until=now())
    assert (await stage.start(token)).reference.endswith(".2")


async def test_currencies_are_kept(stage: Stage) -> None:
    token = stage.invoices.bill(amount_due=common_pb2.Money(currency_code="GHS", amount_minor=9_900))
    checkout = await stage.start(token)
    assert (await stage.verified(checkout.reference))["currency"] == "GHS"
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    assert [payment["currency"] for payment in await stage.payments(token)] == ["GHS"]
