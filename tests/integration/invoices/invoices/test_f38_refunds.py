"""F38: a refund by the merchant leaves the invoice paid; only money that was taken back makes an amount due again."""

from typing import Any

import pytest
from support.builders import a_payment_reversed, a_payment_succeeded
from support.sample import eventually
from support.told import TOTAL, Told
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_kit.runtime import Process


@pytest.fixture
def told(process: Process[Any], invoices: InvoicesServiceStub, merchant: Any, redis_url: str) -> Told:
    return Told(process, invoices, merchant, redis_url)


async def reversed_once(told: Told, invoice_id: str, times: int = 1) -> pb.Invoice:
    """Wait until the invoice has recorded so many reversals. Return the invoice."""

    async def recorded() -> bool:
        return len(await told.answers(invoice_id)) == times

    await eventually(recorded)
    request = pb.GetInvoiceRequest(invoice_id=invoice_id)
    found: pb.Invoice = (await told.stub.GetInvoice(request, metadata=told.merchant.metadata)).invoice
    return found


async def test_f38_a_refund_leaves_the_invoice_paid(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL)
    await told.tell(payment, a_payment_reversed(payment, 500_000, cause="refund", reopen=False))
    found = await reversed_once(told, invoice.id)
    assert (found.status, found.amount_due_minor) == (pb.INVOICE_STATUS_PAID, 0)
    assert (found.amount_paid_minor, found.refunded_minor) == (TOTAL, 500_000)
    [answer] = await told.answers(invoice.id)
    assert (answer.reopened, answer.from_applied_minor) == (False, 500_000)
    assert "payment_refunded" in await told.kinds(invoice.id)


async def test_f38_the_whole_amount_refunded_leaves_it_paid_too(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL)
    parts = [a_payment_reversed(payment, part, cause="refund", reopen=False) for part in (TOTAL - 1, 1)]
    await told.tell(payment, *parts)
    found = await reversed_once(told, invoice.id, 2)
    assert (found.status, found.amount_due_minor, found.refunded_minor) == (pb.INVOICE_STATUS_PAID, 0, TOTAL)


@pytest.mark.parametrize("cause", ["refund", "dispute", "reversal", "undo"])
async def test_f38_money_taken_back_makes_its_amount_due_again(told: Told, cause: str) -> None:
    """A refund does so where it is asked to reopen."""
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL)
    await told.tell(payment, a_payment_reversed(payment, 500_000, cause=cause, reopen=True))
    found = await reversed_once(told, invoice.id)
    assert (found.status, found.amount_due_minor) == (pb.INVOICE_STATUS_PARTIALLY_PAID, 500_000)
    assert found.refunded_minor == 0


async def test_f38_a_chargeback_after_a_refund_makes_only_itself_due(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL)
    refund = a_payment_reversed(payment, 500_000, cause="refund", reopen=False)
    await told.tell(payment, refund, a_payment_reversed(payment, TOTAL - 500_000, cause="dispute"))
    found = await reversed_once(told, invoice.id, 2)
    assert (found.amount_due_minor, found.refunded_minor) == (TOTAL - 500_000, 500_000)


async def test_f38_a_refund_of_credit_takes_nothing_from_the_invoice(told: Told) -> None:
    invoice = await told.issue()
    payment = a_payment_succeeded(told.merchant.business_id, invoice.id, TOTAL + 1_000)
    await told.tell(payment, a_payment_reversed(payment, 700, cause="refund", reopen=False))
    found = await reversed_once(told, invoice.id)
    assert (found.status, found.refunded_minor, found.credit_minor) == (pb.INVOICE_STATUS_PAID, 0, 300)
