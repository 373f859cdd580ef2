"""What invoices hears: businesses, captured payments, and what became of its messages."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, BusinessRegistered
from whatsinvoice.notifications.v1.events_pb2 import MessageDelivered, MessageFailed, MessageRead, MessageSent
from whatsinvoice.payments.v1.events_pb2 import PaymentSucceeded
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import not_found
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Subscription

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.repository import businesses, history
from whatsinvoice_invoices.service.invoices import InvoicesService, PaymentTaken


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


async def on_business_changed(tx: Transaction, event: BusinessChanged) -> None:
    """Invoices made from now on carry the new name; NOT_FOUND, and so another try, before the business is known."""
    known = await businesses.business(tx, event.business_id)
    if known is None:
        raise not_found("BUSINESS_NOT_FOUND", "the business has not been heard of yet")
    told = event.business
    changed = replace(known, name=told.name, currency=told.currency_code, version=event.aggregate_version)
    await businesses.put_business(tx, changed)


def on_payment_succeeded(service: InvoicesService) -> Callable[[Transaction, PaymentSucceeded], Awaitable[None]]:
    """Applies the payment to its invoice."""

    async def handle(tx: Transaction, event: PaymentSucceeded) -> None:
        payment = event.payment
        taken = PaymentTaken(
            payment.id,
            payment.amount.amount_minor,
            payment.amount.currency_code,
            payment.channel,
            payment.reference,
            payment.paid_time.ToDatetime(now().tzinfo),
        )
        await service.record_payment(tx, event.business_id, payment.invoice_id, taken)

    return handle


def _on_message(kind: str) -> Callable[[Transaction, Any], Awaitable[None]]:
    async def handle(tx: Transaction, event: Any) -> None:
        if not event.message.invoice_id:
            return
        occurred_at = event.occur_time.ToDatetime(now().tzinfo)
        details = {"purpose": event.message.purpose, "channel": event.message.channel}
        if event.message.error_code:
            details["error_code"] = event.message.error_code
        entry = (f"message_{kind}", occurred_at, details)
        await history.add_entries(tx, event.business_id, event.message.invoice_id, entry)

    return handle


def subscriptions(service: InvoicesService) -> list[Subscription]:
    """Stream by stream."""
    return [
        Subscription(
            "whatsinvoice.auth.v1",
            {BusinessRegistered: on_business_registered, BusinessChanged: on_business_changed},
        ),
        Subscription("whatsinvoice.payments.v1", {PaymentSucceeded: on_payment_succeeded(service)}),
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
