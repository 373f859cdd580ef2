"""What notifications hears: members, invoices, receipts, and money that moves; and its own workers."""

from collections.abc import Sequence
from datetime import UTC

from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice.auth.v1.events_pb2 import (
    AccountRecovered,
    CodeRequested,
    GuessingDetected,
    MemberChanged,
    MemberInvited,
    PlaceChosen,
)
from whatsinvoice.invoices.v1.events_pb2 import InvoiceIssued, InvoicePaid, InvoicePaymentRecorded
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.data.retention import Retention
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Subscription

from whatsinvoice_notifications import money_consumers
from whatsinvoice_notifications.clients.invoices import invoice_of, receipt_of
from whatsinvoice_notifications.domain.message import Purpose
from whatsinvoice_notifications.domain.people import Member
from whatsinvoice_notifications.repository.members import put_choice, put_member
from whatsinvoice_notifications.service import billing
from whatsinvoice_notifications.service.codes import queue_code
from whatsinvoice_notifications.service.notices import Notice, tell, warn_of_document
from whatsinvoice_notifications.service.sending import SendingService

RETRY_SECONDS = 0.5
"""How often what waits for its next attempt is looked for; what is new wakes its job at once."""


async def on_member_changed(tx: Transaction, event: MemberChanged) -> None:
    """Keep a person's place in a business: it decides for whom the chat acts."""
    user, business = event.user, event.business
    member = Member(
        id=event.aggregate_id,
        business_id=event.business_id,
        user_id=user.id,
        phone=user.phone,
        name=user.name,
        role=auth_pb2.Role.Name(event.role).removeprefix("ROLE_").lower(),
        active=event.active,
        business_name=business.name,
        country=business.country,
        currency=business.currency_code,
        time_zone=business.time_zone,
        version=event.aggregate_version,
    )
    await put_member(tx, member)


async def on_place_chosen(tx: Transaction, event: PlaceChosen) -> None:
    await put_choice(tx, event.aggregate_id, event.business_id, event.aggregate_version)


async def on_code_requested(tx: Transaction, event: CodeRequested) -> None:
    if event.send:
        await queue_code(tx, event.aggregate_id, event.phone, event.expire_time.ToDatetime(UTC))


async def on_member_invited(tx: Transaction, event: MemberInvited) -> None:
    offered = event.invitation
    role = auth_pb2.Role.Name(offered.role).removeprefix("ROLE_").lower()
    values = {"inviter": offered.inviter_name, "business": offered.business_name, "role": role}
    notice = Notice(event.event_id, event.business_id, "invitation", values, purpose=Purpose.INVITATION)
    await tell(tx, notice, [offered.phone])


async def on_account_recovered(tx: Transaction, event: AccountRecovered) -> None:
    notice = Notice(event.event_id, "", "account_recovered", {}, purpose=Purpose.SECURITY_NOTICE)
    await tell(tx, notice, [event.phone])


async def on_guessing_detected(tx: Transaction, event: GuessingDetected) -> None:
    values = {"failures": str(event.failures)}
    notice = Notice(event.event_id, "", "guessing_detected", values, purpose=Purpose.SECURITY_NOTICE)
    await tell(tx, notice, [event.phone])


async def on_invoice_issued(tx: Transaction, event: InvoiceIssued) -> None:
    invoice = invoice_of(event.invoice)
    await billing.send_invoice(tx, event.business_id, event.business_name, invoice)
    if event.invoice.warnings:
        reason = "; ".join(dict.fromkeys(warning.message for warning in event.invoice.warnings))
        await warn_of_document(tx, event.event_id, event.business_id, invoice, reason)


async def on_payment(tx: Transaction, event: InvoicePaymentRecorded | InvoicePaid) -> None:
    await billing.send_receipt(
        tx, event.business_id, event.business_name, invoice_of(event.invoice), receipt_of(event.receipt)
    )


SUBSCRIPTIONS: Sequence[Subscription] = (
    Subscription(
        "whatsinvoice.auth.v1",
        {
            MemberChanged: on_member_changed,
            PlaceChosen: on_place_chosen,
            CodeRequested: on_code_requested,
            MemberInvited: on_member_invited,
            AccountRecovered: on_account_recovered,
            GuessingDetected: on_guessing_detected,
        },
    ),
    Subscription(
        "whatsinvoice.invoices.v1",
        {
            InvoiceIssued: on_invoice_issued,
            InvoicePaymentRecorded: on_payment,
            InvoicePaid: on_payment,
            **money_consumers.FROM_INVOICES,
        },
    ),
    Subscription("whatsinvoice.payments.v1", money_consumers.FROM_PAYMENTS),
)


def jobs(sending: SendingService, retention: Retention) -> Sequence[Job]:
    """A stored row wakes its job at once; the pause is for those that are tried again."""
    return (
        Job("notifications.send", sending.work, RETRY_SECONDS, channel="notifications_messages"),
        retention.job(),
    )
