"""What payments tells others: payments as proto messages and events."""

from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.payments.v1 import events_pb2, payments_pb2
from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.events.outbox import Event, event_of

from whatsinvoice_payments.domain.bank_account import BankAccount
from whatsinvoice_payments.domain.dispute import Dispute, DisputeStatus
from whatsinvoice_payments.domain.options import PaymentOptions
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.payout import PayoutAccount
from whatsinvoice_payments.domain.refund import Refund, RefundStatus
from whatsinvoice_payments.domain.transfer import OpenTransfer

STATUSES = {status: payments_pb2.PaymentStatus.Value(f"PAYMENT_STATUS_{status.name}") for status in Status}
REFUND_STATUSES = {status: payments_pb2.RefundStatus.Value(f"REFUND_STATUS_{status.name}") for status in RefundStatus}
DISPUTE_STATUSES = {
    status: payments_pb2.DisputeStatus.Value(f"DISPUTE_STATUS_{status.name}") for status in DisputeStatus
}


def money(currency: str, amount_minor: int) -> common_pb2.Money:
    return common_pb2.Money(currency_code=currency, amount_minor=amount_minor)


def timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def payment_message(payment: Payment) -> payments_pb2.Payment:
    """The amount is what was asked until it is what was settled."""
    amount = payment.asked_minor if payment.settled_minor is None else payment.settled_minor
    return payments_pb2.Payment(
        id=payment.id,
        invoice_id=payment.invoice_id,
        status=STATUSES[payment.status],
        amount=money(payment.currency, amount),
        fees_minor=payment.fees_minor,
        channel=payment.channel,
        provider=payment.provider,
        reference=payment.reference,
        paid_time=timestamp(payment.paid_at),
        create_time=timestamp(payment.created_at),
        reason=payment.reason,
        refunded_minor=payment.refunded_minor,
        credit_minor=payment.credit_minor,
    )


def refund_message(refund: Refund) -> payments_pb2.Refund:
    return payments_pb2.Refund(
        id=refund.id,
        payment_id=refund.payment_id,
        invoice_id=refund.invoice_id,
        status=REFUND_STATUSES[refund.status],
        amount=money(refund.currency, refund.amount_minor),
        reason=refund.reason,
        failure=refund.failure,
        create_time=timestamp(refund.created_at),
        end_time=timestamp(refund.ended_at),
        reopen=refund.reopen,
    )


def dispute_message(dispute: Dispute) -> payments_pb2.Dispute:
    return payments_pb2.Dispute(
        id=dispute.id,
        payment_id=dispute.payment_id,
        invoice_id=dispute.invoice_id,
        status=DISPUTE_STATUSES[dispute.status],
        amount=money(dispute.currency, dispute.amount_minor),
        category=dispute.category,
        due_time=timestamp(dispute.due_at),
        lost_minor=dispute.lost_minor,
        create_time=timestamp(dispute.created_at),
        resolve_time=timestamp(dispute.resolved_at),
    )


def options_message(options: PaymentOptions) -> payments_pb2.GetPaymentOptionsResponse:
    minimum = options.minimum
    return payments_pb2.GetPaymentOptionsResponse(
        account=bank_account_message(options.account) if options.account else None,
        narration=options.narration,
        pay_online=options.pay_online,
        pay_with_transfer=options.pay_with_transfer,
        minimum=money(minimum.currency, minimum.minor) if minimum else None,
        under_review=options.under_review,
        open_transfers=[_open_transfer_message(transfer) for transfer in options.open_transfers],
        outcome=payments_pb2.AttemptOutcome.Value(f"ATTEMPT_OUTCOME_{options.outcome.name}"),
        outcome_reason=options.outcome_reason,
    )


def _open_transfer_message(transfer: OpenTransfer) -> payments_pb2.OpenTransfer:
    return payments_pb2.OpenTransfer(
        account=bank_account_message(transfer.account),
        amount=money(transfer.payment.currency, transfer.payment.asked_minor),
        expire_time=timestamp(transfer.expires_at),
        reference=transfer.payment.reference,
    )


def payment_succeeded(payment: Payment) -> Event:
    return _about(events_pb2.PaymentSucceeded, payment)


def payment_failed(payment: Payment, *, transfer_returned: bool = False, sent_minor: int = 0) -> Event:
    body = {"reason": payment.reason, "transfer_returned": transfer_returned, "sent_minor": sent_minor}
    return _about(events_pb2.PaymentFailed, payment, **body)


def payment_quarantined(payment: Payment) -> Event:
    received = money(payment.currency, payment.paid_minor) if payment.held else None
    return _about(events_pb2.PaymentQuarantined, payment, received=received, reason=payment.reason)


def payment_reversed(payment: Payment, amount_minor: int, cause: str, cause_id: str, *, reopen: bool) -> Event:
    body = {"amount_minor": amount_minor, "cause": cause, "cause_id": cause_id, "reopen": reopen}
    return _about(events_pb2.PaymentReversed, payment, **body)


def transfer_account_left_open(transfer: OpenTransfer) -> Event:
    body = {"account": bank_account_message(transfer.account), "expire_time": timestamp(transfer.expires_at)}
    return _about(events_pb2.TransferAccountLeftOpen, transfer.payment, **body)


def refund_updated(refund: Refund) -> Event:
    return event_of(
        events_pb2.RefundUpdated,
        refund.business_id,
        refund.id,
        refund.version,
        occurred_at=refund.updated_at,
        refund=refund_message(refund),
    )


def dispute_opened(dispute: Dispute) -> Event:
    return _about_dispute(events_pb2.DisputeOpened, dispute)


def dispute_resolved(dispute: Dispute) -> Event:
    return _about_dispute(events_pb2.DisputeResolved, dispute)


def online_payment_unavailable(business_id: str, invoice_id: str, version: int, due: Money, minimum: Money) -> Event:
    return event_of(
        events_pb2.OnlinePaymentUnavailable,
        business_id,
        invoice_id,
        version,
        amount_due=money(due.currency, due.minor),
        minimum=money(minimum.currency, minimum.minor),
    )


def bank_account_message(account: BankAccount) -> payments_pb2.BankAccount:
    return payments_pb2.BankAccount(
        bank_code=account.bank_code,
        bank_name=account.bank_name,
        account_number=account.account_number,
        account_name=account.account_name,
    )


def payout_account_changed(payout: PayoutAccount, version: int, active_from: datetime) -> Event:
    return event_of(
        events_pb2.PayoutAccountChanged,
        payout.business_id,
        payout.business_id,
        version,
        account=bank_account_message(payout.account.masked()),
        active_from_time=timestamp(active_from),
    )


def _about(message_type: Any, payment: Payment, **body: Any) -> Event:
    """An event that carries the payment as it now is."""
    return event_of(
        message_type,
        payment.business_id,
        payment.id,
        payment.version,
        occurred_at=payment.updated_at,
        payment=payment_message(payment),
        **body,
    )


def _about_dispute(message_type: Any, dispute: Dispute) -> Event:
    return event_of(
        message_type,
        dispute.business_id,
        dispute.id,
        dispute.version,
        occurred_at=dispute.updated_at,
        dispute=dispute_message(dispute),
    )
