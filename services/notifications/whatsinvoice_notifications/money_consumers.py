"""Consumers of money events from payments, and of claims, voids and reversals from invoices."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1.events_pb2 import InvoiceReversalRecorded, InvoiceVoided, TransferClaimed
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice.payments.v1.events_pb2 import (
    DisputeOpened,
    DisputeResolved,
    OnlinePaymentUnavailable,
    PaymentFailed,
    PaymentQuarantined,
    PaymentReversed,
    PayoutAccountChanged,
    RefundUpdated,
    TransferAccountLeftOpen,
)
from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Handler

from whatsinvoice_notifications.clients.invoices import invoice_of
from whatsinvoice_notifications.service import notices

UNKNOWN_AMOUNT = "an unknown amount"
STAYS_PAID, DUE_AGAIN = "The invoice stays paid.", "The invoice is due again by this amount."
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
    """Keep what the customer may still pay."""
    name = event.business_name if isinstance(event, InvoiceVoided) else ""
    await notices.update_invoice(tx, event.business_id, name, invoice_of(event.invoice))


async def on_payment_failed(tx: Transaction, event: PaymentFailed) -> None:
    """Notify both sides of a transfer that was sent back. The payer of a declined card knows of it."""
    payment = event.payment
    if event.transfer_returned and payment.invoice_id:
        sent = Money(event.sent_minor, payment.amount.currency_code) if event.sent_minor else UNKNOWN_AMOUNT
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=payment.invoice_id,
            text="transfer_rejected",
            customers_text="transfer_returned",
            amount=_money(payment.amount),
            sent=str(sent),
            reason=event.reason or "no reason given",
        )


async def on_payment_quarantined(tx: Transaction, event: PaymentQuarantined) -> None:
    """Notify both sides that money has arrived and is being checked."""
    payment = event.payment
    if payment.invoice_id:
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=payment.invoice_id,
            text="payment_held",
            customers_text="payment_held_payer",
            amount=_money(event.received if event.HasField("received") else payment.amount),
            payment=payment.id,
        )


async def on_payment_reversed(tx: Transaction, event: PaymentReversed) -> None:
    """Notify both sides of a manual payment that was undone; refunds and disputes have notices of their own."""
    payment = event.payment
    if event.cause == "undo" and payment.invoice_id:
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=payment.invoice_id,
            text="payment_undone",
            customers_text="payment_undone_payer",
            amount=Money(event.amount_minor, payment.amount.currency_code),
            reason=payment.reason,
        )


async def on_transfer_account_left_open(tx: Transaction, event: TransferAccountLeftOpen) -> None:
    """Warn the payer of an account that still takes money for an invoice that was paid in another way."""
    payment, zone = event.payment, await notices.zone(tx, event.business_id)
    if payment.invoice_id:
        await notices.tell_of_money(
            tx,
            event_id=event.event_id,
            business_id=event.business_id,
            invoice_id=payment.invoice_id,
            text="",
            customers_text="transfer_account_open",
            amount=_money(payment.amount),
            bank=event.account.bank_name,
            last4=event.account.account_number[-4:],
            until=notices.written(event.expire_time.ToDatetime(UTC), zone),
        )


async def on_online_payment_unavailable(tx: Transaction, event: OnlinePaymentUnavailable) -> None:
    """Notify the merchant of an invoice that is below the provider's minimum."""
    await notices.tell_of_money(
        tx,
        event_id=event.event_id,
        business_id=event.business_id,
        invoice_id=event.aggregate_id,
        text="online_unavailable",
        amount=_money(event.amount_due),
        minimum=str(_money(event.minimum)),
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
            standing=DUE_AGAIN if refund.reopen else STAYS_PAID,
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
            dispute=dispute.id,
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
    PaymentQuarantined: on_payment_quarantined,
    PaymentReversed: on_payment_reversed,
    TransferAccountLeftOpen: on_transfer_account_left_open,
    OnlinePaymentUnavailable: on_online_payment_unavailable,
    RefundUpdated: on_refund_updated,
    DisputeOpened: on_dispute_opened,
    DisputeResolved: on_dispute_resolved,
    PayoutAccountChanged: on_payout_account_changed,
}
