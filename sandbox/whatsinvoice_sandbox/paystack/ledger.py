"""The truth: every charge, refund and dispute that this provider believes in, and what is the merchant's of it."""

from collections.abc import Iterable
from typing import Any

from .disputes import Dispute
from .refunds import Refund
from .transactions import Transaction


def balances(charges: Iterable[Transaction]) -> dict[str, int]:
    """Minor units per currency: charges less fees, less refunds that have not failed, less disputes given up."""
    sums: dict[str, int] = {}
    for charge in charges:
        kept = charge.left - (charge.fees or 0)
        sums[charge.currency] = sums.get(charge.currency, 0) + kept
    return sums


def ledger_view(charges: list[Transaction], refunds: list[Refund], disputes: list[Dispute]) -> dict[str, Any]:
    """The answer of GET /_control/ledger; `refunded_amount` counts processed refunds, `balance` all but failed ones."""
    return {
        "charges": [_charge(charge) for charge in charges],
        "refunds": [_refund(refund) for refund in refunds],
        "disputes": [_dispute(dispute) for dispute in disputes],
        "balance": balances(charges),
    }


def _charge(charge: Transaction) -> dict[str, Any]:
    return {
        "reference": charge.reference,
        "amount": charge.amount,
        "requested_amount": charge.requested,
        "fees": charge.fees,
        "currency": charge.currency,
        "status": charge.status,
        "channel": charge.channel,
        "customer": charge.customer.email,
        "paid_at": charge.paid_at.isoformat() if charge.paid_at else None,
        "refunded_amount": charge.refunded,
        "disputed_amount": charge.disputed,
    }


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "transaction_reference": refund.transaction.reference,
        "amount": refund.amount,
        "currency": refund.currency,
        "status": refund.status,
        "merchant_note": refund.merchant_note,
        "created_at": refund.created_at.isoformat(),
    }


def _dispute(dispute: Dispute) -> dict[str, Any]:
    return {
        "id": dispute.id,
        "transaction_reference": dispute.transaction.reference,
        "amount": dispute.amount,
        "refund_amount": dispute.refund_amount,
        "accepted_amount": dispute.accepted,
        "currency": dispute.transaction.currency,
        "status": dispute.status,
        "resolution": dispute.resolution,
    }
