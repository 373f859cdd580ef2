"""What invoices hears: businesses, payments that came and went back, disputes, and what became of its messages."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, BusinessRegistered
from whatsinvoice.notifications.v1.events_pb2 import MessageDelivered, MessageFailed, MessageRead, MessageSent
from whatsinvoice.payments.v1.events_pb2 import (
    DisputeOpened,
    DisputeResolved,
    PaymentReversed,
    PaymentSucceeded,
    RefundUpdated,
)
from whatsinvoice.payments.v1.payments_pb2 import RefundStatus
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Subscription
from whatsinvoice_kit.events.waiting import NotReady, arrived

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.repository import businesses, history
from whatsinvoice_invoices.service.money import MoneyBack, MoneyService, PaymentTaken


async def on_business_registered(tx: Transaction, event: BusinessRegistered) -> None:
    """Keeps what invoices needs of a business."""
    told = event.business
    await businesses.put_business(
        tx,
        Business(
            told.id,
            told.name,
            told.country,
            told.currency_code,
            told.time_zone,
            event.owner.phone,
            event.aggregate_version,
        ),
    )
    await arrived(tx, "invoices", f"business {told.id}")


async def on_business_changed(tx: Transaction, event: BusinessChanged) -> None:
    """Rename the business on invoices made from now on. Wait for BusinessRegistered where that is late."""
    known = await businesses.business(tx, event.business_id)
    if known is None:
        raise NotReady(f"business {event.business_id}")
    told = event.business
    changed = replace(known, name=told.name, currency=told.currency_code, version=event.aggregate_version)
    await businesses.put_business(tx, changed)


def _on_payment_succeeded(money: MoneyService) -> Callable[[Transaction, PaymentSucceeded], Awaitable[None]]:
    """Applies the payment to its invoice."""

    async def handle(tx: Transaction, event: PaymentSucceeded) -> None:
        payment = event.payment
        taken = PaymentTaken(
            payment.id,
            payment.amount.amount_minor,
            payment.amount.currency_code,
            payment.channel,
            payment.reference,
            _moment(payment.paid_time),
        )
        await money.record_payment(tx, event.business_id, payment.invoice_id, taken)

    return handle


def _on_payment_reversed(money: MoneyService) -> Callable[[Transaction, PaymentReversed], Awaitable[None]]:
    """Record what went back; it is due again where the event says so."""

    async def handle(tx: Transaction, event: PaymentReversed) -> None:
        back = MoneyBack(
            event.payment.id,
            event.payment.invoice_id,
            event.amount_minor,
            event.cause,
            event.cause_id,
            event.reopen,
            _moment(event.occur_time),
        )
        await money.record_reversal(tx, event.business_id, back)

    return handle


async def on_refund_updated(tx: Transaction, event: RefundUpdated) -> None:
    """A line of the timeline, of a kind for each status: refund_pending, refund_processed."""
    refund = event.refund
    status = RefundStatus.Name(refund.status).removeprefix("REFUND_STATUS_").lower()
    details = {"refund_id": refund.id, "amount_minor": str(refund.amount.amount_minor)}
    if refund.failure:
        details["failure"] = refund.failure
    await _note(tx, event, refund.invoice_id, f"refund_{status}", details)


async def on_dispute_opened(tx: Transaction, event: DisputeOpened) -> None:
    """A line of the timeline, with the day by which the merchant is to answer."""
    dispute = event.dispute
    details = {
        "dispute_id": dispute.id,
        "amount_minor": str(dispute.amount.amount_minor),
        "category": dispute.category,
    }
    if dispute.HasField("due_time"):
        details["due_time"] = _moment(dispute.due_time).isoformat()
    await _note(tx, event, dispute.invoice_id, "dispute_opened", details)


async def on_dispute_resolved(tx: Transaction, event: DisputeResolved) -> None:
    """A line of the timeline."""
    dispute = event.dispute
    details = {"dispute_id": dispute.id, "lost_minor": str(dispute.lost_minor)}
    await _note(tx, event, dispute.invoice_id, "dispute_resolved", details)


async def _note(tx: Transaction, event: Any, invoice_id: str, kind: str, details: dict[str, str]) -> None:
    """Money that belongs to no invoice of ours has no timeline."""
    if invoice_id:
        await history.add_entries(tx, event.business_id, invoice_id, (kind, _moment(event.occur_time), details))


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(UTC)


def _on_message(kind: str) -> Callable[[Transaction, Any], Awaitable[None]]:
    async def handle(tx: Transaction, event: Any) -> None:
        message = event.message
        details = {"purpose": message.purpose, "channel": message.channel, "message_id": message.id}
        if message.error_code:
            details["error_code"] = message.error_code
        await _note(tx, event, message.invoice_id, f"message_{kind}", details)

    return handle


def subscriptions(money: MoneyService) -> list[Subscription]:
    """Stream by stream."""
    return [
        Subscription(
            "whatsinvoice.auth.v1",
            {BusinessRegistered: on_business_registered, BusinessChanged: on_business_changed},
        ),
        Subscription(
            "whatsinvoice.payments.v1",
            {
                PaymentSucceeded: _on_payment_succeeded(money),
                PaymentReversed: _on_payment_reversed(money),
                RefundUpdated: on_refund_updated,
                DisputeOpened: on_dispute_opened,
                DisputeResolved: on_dispute_resolved,
            },
        ),
        Subscription(
            "whatsinvoice.notifications.v1",
            {
                MessageSent: _on_message("sent"),
                MessageDelivered: _on_message("delivered"),
                MessageRead: _on_message("read"),
                MessageFailed: _on_message("failed"),
            },
        ),
    ]
