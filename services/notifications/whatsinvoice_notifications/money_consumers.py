"""What notifications hears of money from payments and of claims, voids and reversals from invoices."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1.events_pb2 import InvoiceReversalRecorded, InvoiceVoided, TransferClaimed
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice.payments.v1.events_pb2 import (
    DisputeOpened,
    DisputeResolved,
    PaymentFailed,
    PayoutAccountChanged,
    RefundUpdated,
)
from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Handler

from whatsinvoice_notifications.clients.invoices import invoice_of
from whatsinvoice_notifications.service import notices

TRANSFER_CHANNELS = ("bank_transfer", "dedicated_nuban")
REFUND_TEXTS: Mapping[int, tuple[str, str]] = {
    pb.REFUND_STATUS_PROCESSED: ("refund_processed", "refund_sent"),
    pb.REFUND_STATUS_FAILED: ("refund_failed", ""),
    pb.REFUND_STATUS_NEEDS_ATTENTION: ("refund_needs_attention", ""),
}
"""Status -> what the merchant is told, and what her customer; of the others nobody is."""


async def on_transfer_claimed(tx: Transaction, event: TransferClaimed) -> None:
    invoice = invoice_of(event.invoice)
    await notices.tell_of_claim(tx, event.event_id, event.business_id, event.business_name, invoice)


async def on_invoice_changed(tx: Transaction, event: InvoiceVoided | InvoiceReversalRecorded) -> None:
    """What is void is no longer asked for, and what went back is due again."""
    name = event.business_name if isinstance(event, InvoiceVoided) else ""
    await notices.update_invoice(tx, event.business_id, name, invoice_of(event.invoice))


async def on_payment_failed(tx: Transaction, event: PaymentFailed) -> None:
    """Whose card was declined knows it; a transfer that was sent back is news."""
    payment = event.payment
    if payment.channel in TRANSFER_CHANNELS and payment.invoice_id:
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=payment.invoice_id,
            text="transfer_rejected",
            amount=_money(payment.amount),
            reason=event.reason or "no reason given",
        )


async def on_refund_updated(tx: Transaction, event: RefundUpdated) -> None:
    refund = event.refund
    texts = REFUND_TEXTS.get(refund.status)
    if texts and refund.invoice_id:
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=refund.invoice_id,
            text=texts[0],
            customers_text=texts[1],
            amount=_money(refund.amount),
            reason=refund.failure or "no reason given",
        )


async def on_dispute_opened(tx: Transaction, event: DisputeOpened) -> None:
    dispute = event.dispute
    due = "the day that your provider tells you"
    if dispute.HasField("due_time"):
        due = notices.written(dispute.due_time.ToDatetime(UTC), await notices.zone(tx, event.business_id))
    if dispute.invoice_id:
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=dispute.invoice_id,
            text="dispute_opened",
            amount=_money(dispute.amount),
            due_time=due,
        )


async def on_dispute_resolved(tx: Transaction, event: DisputeResolved) -> None:
    dispute = event.dispute
    if dispute.invoice_id:
        lost = dispute.lost_minor
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=dispute.invoice_id,
            text="dispute_lost" if lost else "dispute_won",
            amount=Money(lost, dispute.amount.currency_code) if lost else _money(dispute.amount),
        )


async def on_payout_account_changed(tx: Transaction, event: PayoutAccountChanged) -> None:
    await notices.tell_of_payout(
        tx,
        event_id=event.event_id,
        business_id=event.business_id,
        bank=event.account.bank_name,
        last4=event.account.account_number[-4:],
        active_from=event.active_from_time.ToDatetime(UTC),
    )


def _money(message: common_pb2.Money) -> Money:
    return Money(message.amount_minor, message.currency_code)


FROM_INVOICES: Mapping[type[Any], Handler] = {
    TransferClaimed: on_transfer_claimed,
    InvoiceVoided: on_invoice_changed,
    InvoiceReversalRecorded: on_invoice_changed,
}
FROM_PAYMENTS: Mapping[type[Any], Handler] = {
    PaymentFailed: on_payment_failed,
    RefundUpdated: on_refund_updated,
    DisputeOpened: on_dispute_opened,
    DisputeResolved: on_dispute_resolved,
    PayoutAccountChanged: on_payout_account_changed,
}
