"""Notices of money that moves: to whom, once for each event, and with what in them."""

from typing import Any

import pytest
from support.notifications.stage import Merchant, Stage, a_phone
from support.services import publish
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import events_pb2, invoices_pb2
from whatsinvoice.payments.v1 import events_pb2 as payment_events
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_notifications.models import CONTACTS, MEMBERS, MESSAGES, SENT_INVOICES

pytestmark = pytest.mark.asyncio(loop_scope="module")

AMOUNT = common_pb2.Money(currency_code="NGN", amount_minor=7_500_000)
INVOICES, PAYMENTS = "whatsinvoice.invoices.v1", "whatsinvoice.payments.v1"


def an_event(kind: type[Any], merchant: Merchant, **body: Any) -> Any:
    event = kind(event_id=new_id("evt"), business_id=merchant.business_id, aggregate_version=1, **body)
    event.occur_time.GetCurrentTime()
    return event


async def an_invoice(stage: Stage, merchant: Merchant) -> invoices_pb2.Invoice:
    """One that was issued, and that notifications has heard of."""
    invoice = invoices_pb2.Invoice(
        id=new_id("inv"),
        number="INV-000007",
        status=invoices_pb2.INVOICE_STATUS_OPEN,
        customer=invoices_pb2.Customer(name="Jane", phone=merchant.customer),
        currency_code="NGN",
        total_minor=7_500_000,
        amount_due_minor=7_500_000,
        public_url="https://pay.example/i/a-link",
        version=2,
    )
    issued = an_event(events_pb2.InvoiceIssued, merchant, invoice=invoice, business_name="Ada Designs")
    await publish(stage.redis_url, INVOICES, issued)
    await stage.until(lambda: stage.rows(SENT_INVOICES, invoice_id=invoice.id))
    return invoice


async def texts_to(stage: Stage, phone: str, merchant: Merchant, purpose: str) -> list[str]:
    contacts = await stage.rows(CONTACTS, phone=phone)
    where = {"business_id": merchant.business_id, "purpose": purpose}
    rows = [row for found in contacts for row in await stage.rows(MESSAGES, contact_id=found["id"], **where)]
    return [row["content"]["text"] for row in rows]


async def told(stage: Stage, merchant: Merchant, stream: str, event: Any, purpose: str = "money_notice") -> str:
    """What the merchant is told of an event that comes three times."""
    await publish(stage.redis_url, stream, event, event, event)
    [text] = await stage.until(lambda: texts_to(stage, merchant.phone, merchant, purpose))
    return str(text)


async def test_a_claimed_transfer(stage: Stage) -> None:
    merchant = await stage.a_merchant()
    invoice = await an_invoice(stage, merchant)
    claim = an_event(events_pb2.TransferClaimed, merchant, invoice=invoice, business_name="Ada Designs")
    text = await told(stage, merchant, INVOICES, claim, "transfer_claim")
    assert "Jane says that ₦75,000.00 for invoice INV-000007 was sent" in text
    assert "https://pay.example/i/a-link" in text


async def test_a_rejected_transfer_is_told_and_a_declined_card_is_not(stage: Stage) -> None:
    merchant = await stage.a_merchant()
    invoice = await an_invoice(stage, merchant)
    card, transfer = (
        an_event(
            payment_events.PaymentFailed,
            merchant,
            reason="Incorrect amount",
            payment=pb.Payment(id=new_id("pay"), invoice_id=invoice.id, amount=AMOUNT, channel=channel),
            transfer_returned=channel == "bank_transfer",
            sent_minor=7_400_000,
        )
        for channel in ("card", "bank_transfer")
    )
    await publish(stage.redis_url, PAYMENTS, card)
    text = await told(stage, merchant, PAYMENTS, transfer)
    assert "A bank transfer of ₦74,000.00" in text
    assert "was sent back to its sender: Incorrect amount. Exactly ₦75,000.00 is asked for" in text
    [to_payer] = await texts_to(stage, merchant.customer, merchant, "money_notice")
    assert "Your transfer of ₦74,000.00 for invoice INV-000007 was sent back to you: Incorrect amount." in to_payer
    assert "Please send exactly ₦75,000.00, or pay in another way: https://pay.example/i/a-link" in to_payer


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (pb.REFUND_STATUS_PROCESSED, "is back with your customer"),
        (pb.REFUND_STATUS_FAILED, "failed, and the money is still yours: account closed"),
        (pb.REFUND_STATUS_NEEDS_ATTENTION, "give it the bank account of your customer"),
    ],
)
async def test_a_refund(stage: Stage, status: "pb.RefundStatus.ValueType", words: str) -> None:
    merchant = await stage.a_merchant()
    invoice = await an_invoice(stage, merchant)
    refund = pb.Refund(id=new_id("ref"), invoice_id=invoice.id, status=status, amount=AMOUNT, failure="account closed")
    for earlier in (pb.REFUND_STATUS_PENDING, pb.REFUND_STATUS_PROCESSING):
        moving = pb.Refund(id=refund.id, invoice_id=invoice.id, status=earlier, amount=AMOUNT)
        await publish(stage.redis_url, PAYMENTS, an_event(payment_events.RefundUpdated, merchant, refund=moving))
    text = await told(stage, merchant, PAYMENTS, an_event(payment_events.RefundUpdated, merchant, refund=refund))
    assert words in text
    to_customer = await texts_to(stage, merchant.customer, merchant, "refund")
    assert len(to_customer) == (status == pb.REFUND_STATUS_PROCESSED)
    assert all("*Refund* from Ada Designs" in text for text in to_customer)


async def test_f40_a_dispute_says_where_to_answer_and_by_when_and_how_it_ends(stage: Stage) -> None:
    for lost, words in ((0, "the money stays with you"), (2_500_000, "₦25,000.00 goes back")):
        merchant = await stage.a_merchant()
        invoice = await an_invoice(stage, merchant)
        dispute = pb.Dispute(id=new_id("dis"), invoice_id=invoice.id, amount=AMOUNT, lost_minor=lost)
        dispute.due_time.seconds = 1_798_110_000
        opened = await told(
            stage, merchant, PAYMENTS, an_event(payment_events.DisputeOpened, merchant, dispute=dispute)
        )
        assert "disputes ₦75,000.00 for invoice INV-000007. Answer before 24 Dec 2026, 12:00" in opened
        assert f"POST /v1/disputes/{dispute.id}/contest" in opened
        assert "/docs" in opened
        assert invoice.public_url not in opened
        await publish(stage.redis_url, PAYMENTS, an_event(payment_events.DisputeResolved, merchant, dispute=dispute))

        async def over(merchant: Merchant = merchant, words: str = words) -> bool:
            return any(words in text for text in await texts_to(stage, merchant.phone, merchant, "money_notice"))

        await stage.until(over)


async def test_every_member_hears_of_a_changed_payout_account(stage: Stage) -> None:
    merchant = await stage.a_merchant()
    accountant = a_phone()
    person = auth_pb2.User(id=new_id("usr"), phone=accountant, name="Obi")
    await stage.member_changed(merchant, aggregate_id=new_id("mbr"), user=person, role=auth_pb2.ROLE_ACCOUNTANT)
    account = pb.BankAccount(bank_name="Guaranty Trust Bank", account_number="6789")
    event = an_event(payment_events.PayoutAccountChanged, merchant, account=account)
    event.active_from_time.seconds = 1_798_110_000
    await stage.until(lambda: _known(stage, merchant))
    text = await told(stage, merchant, PAYMENTS, event)
    assert "From 24 Dec 2026, 12:00 on, the money of Ada Designs goes to Guaranty Trust Bank" in text
    assert "account ending in 6789" in text
    assert await texts_to(stage, accountant, merchant, "money_notice") == [text]


async def _known(stage: Stage, merchant: Merchant) -> bool:
    return len(await stage.rows(MEMBERS, business_id=merchant.business_id)) == 2


async def test_a_void_invoice_is_no_longer_asked_for_and_one_that_was_reversed_is_again(stage: Stage) -> None:
    merchant = await stage.a_merchant()
    invoice = await an_invoice(stage, merchant)
    for version, status, settled in (
        (3, invoices_pb2.INVOICE_STATUS_VOID, True),
        (4, invoices_pb2.INVOICE_STATUS_OPEN, False),
    ):
        invoice.version, invoice.status = version, status
        event = (
            an_event(events_pb2.InvoiceVoided, merchant, invoice=invoice, business_name="Ada Designs")
            if settled
            else an_event(events_pb2.InvoiceReversalRecorded, merchant, invoice=invoice)
        )
        await publish(stage.redis_url, INVOICES, event)

        async def so(*, settled: bool = settled) -> bool:
            [row] = await stage.rows(SENT_INVOICES, invoice_id=invoice.id)
            return (row["settled"], row["business_name"]) == (settled, "Ada Designs")

        await stage.until(so)
