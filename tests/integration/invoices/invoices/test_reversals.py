"""Money that went back: credit first, then the invoice, once for each cause, in whatever order it is told."""

from typing import Any

import pytest
from support.builders import a_payment_reversed, a_payment_succeeded
from support.sample import eventually
from support.told import TOTAL, Told
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice.payments.v1 import events_pb2 as told_by_payments
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.runtime import Process


@pytest.fixture
def told(process: Process[Any], invoices: InvoicesServiceStub, merchant: Any, redis_url: str) -> Told:
    return Told(process, invoices, merchant, redis_url)


async def test_money_taken_back_in_two_parts_makes_the_invoice_due_again(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL)
    await told.tell(payment)
    await told.stands(invoice.id, pb.INVOICE_STATUS_PAID, TOTAL)
    await told.tell(a_payment_reversed(payment, 2_500_000))
    await told.stands(invoice.id, pb.INVOICE_STATUS_PARTIALLY_PAID, 5_000_000)
    await told.tell(a_payment_reversed(payment, 5_000_000))
    await told.stands(invoice.id, pb.INVOICE_STATUS_OPEN, 0)
    answers = await told.answers(invoice.id)
    assert [(a.from_credit_minor, a.from_applied_minor) for a in answers] == [(0, 2_500_000), (0, 5_000_000)]
    assert [a.payment_id for a in answers] == [payment.payment.id] * 2
    assert (await told.kinds(invoice.id)).count("payment_reversed") == 2


async def test_the_credit_of_that_payment_goes_first(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL + 1_000)
    await told.tell(payment)
    await told.stands(invoice.id, pb.INVOICE_STATUS_PAID, TOTAL)
    await told.tell(a_payment_reversed(payment, 700), a_payment_reversed(payment, 700))
    await told.stands(invoice.id, pb.INVOICE_STATUS_PARTIALLY_PAID, TOTAL - 400)
    answers = await told.answers(invoice.id)
    assert [(a.from_credit_minor, a.from_applied_minor) for a in answers] == [(700, 0), (300, 400)]


async def test_one_cause_gives_back_once_however_often_it_is_told(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL)
    again = [a_payment_reversed(payment, 100, cause_id="ref_1") for _ in range(5)]
    await told.tell(payment, *again, a_payment_reversed(payment, 100, cause_id="ref_2"))
    await told.stands(invoice.id, pb.INVOICE_STATUS_PARTIALLY_PAID, TOTAL - 200)
    assert len(await told.answers(invoice.id)) == 2


async def test_a_reversal_before_its_payment_waits_for_it(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL)
    await told.tell(a_payment_reversed(payment, TOTAL))
    await told.tell(payment)

    async def answered() -> bool:
        return len(await told.answers(invoice.id)) == 1

    await eventually(answered)
    await told.stands(invoice.id, pb.INVOICE_STATUS_OPEN, 0)


async def test_refunds_and_disputes_are_on_the_timeline(told: Told) -> None:
    invoice = await told.issue()
    money = common_pb2.Money(currency_code="NGN", amount_minor=500)
    shared = {"business_id": told.merchant.business_id, "aggregate_version": 1}
    events: list[Any] = []
    for status in (payments_pb2.REFUND_STATUS_PENDING, payments_pb2.REFUND_STATUS_PROCESSED):
        refund = payments_pb2.Refund(id="ref_1", invoice_id=invoice.id, status=status, amount=money)
        events.append(told_by_payments.RefundUpdated(event_id=new_id("evt"), refund=refund, **shared))
    dispute = payments_pb2.Dispute(id="dis_1", invoice_id=invoice.id, amount=money, category="chargeback")
    dispute.due_time.GetCurrentTime()
    events.append(told_by_payments.DisputeOpened(event_id=new_id("evt"), dispute=dispute, **shared))
    events.append(told_by_payments.DisputeResolved(event_id=new_id("evt"), dispute=dispute, **shared))
    for event in events:
        event.occur_time.GetCurrentTime()
    await told.tell(*events)
    expected = {"refund_pending", "refund_processed", "dispute_opened", "dispute_resolved"}

    async def there() -> bool:
        return expected <= set(await told.kinds(invoice.id))

    await eventually(there)
