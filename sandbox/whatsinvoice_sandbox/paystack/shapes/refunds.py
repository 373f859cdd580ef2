"""A refund as Paystack writes it: queued, listed, retried, and in the five webhooks."""

from typing import Any

from whatsinvoice_sandbox.paystack.refunds import Refund

from . import INTEGRATION, timestamp, timestamp_or_none
from .customers import customer_view
from .transactions import transaction_view

_OF_A_QUEUED_ONE = (
    "id", "domain", "reference", "amount", "paid_at", "channel", "currency", "authorization", "customer", "plan",
    "subaccount", "split", "order_id", "paidAt", "pos_transaction_data", "source", "fees_breakdown",
)  # fmt: skip
_BY = "merchant@example.com"


def queued(refund: Refund) -> dict[str, Any]:
    """`data` of POST /refund."""
    whole = transaction_view(refund.transaction)
    transaction = {name: whole[name] for name in _OF_A_QUEUED_ONE}
    transaction |= {"plan": {}, "subaccount": {"currency": None} | whole["subaccount"]}
    return _facts(refund) | {
        "transaction": transaction,
        "channel": None,
        "deducted_amount": 0,
        "fully_deducted": False,
        "expected_at": timestamp(refund.expected_at),
        "createdAt": timestamp(refund.created_at),
        "updatedAt": timestamp(refund.updated_at),
    }


def listed(refund: Refund) -> dict[str, Any]:
    """`data` of GET /refund/:id, and one of the list: `fully_deducted` is a number here."""
    done = refund.status == "processed"
    return _facts(refund) | {
        "transaction": refund.transaction.id,
        "dispute": None,
        "settlement": None,
        "refunded_at": timestamp_or_none(refund.refunded_at),
        "deducted_amount": refund.amount if done else 0,
        "fully_deducted": int(done),
        "createdAt": timestamp(refund.created_at),
        "bank_reference": refund.refund_reference,
        "transaction_reference": refund.transaction.reference,
        "reason": refund.merchant_note,
        "customer": customer_view(refund.transaction.customer),
        "refund_type": "full" if refund.amount == refund.transaction.amount else "partial",
        "transaction_amount": refund.transaction.amount,
        "initiated_by": _BY,
        "refund_channel": refund.transaction.channel,
        "session_id": None,
        "collect_account_number": refund.status == "needs-attention",
    }


def retried(refund: Refund) -> dict[str, Any]:
    """`data` of POST /refund/retry_with_customer_details/:id, where some types are others again."""
    return listed(refund) | {
        "dispute": {},
        "settlement": {},
        "expected_at": timestamp(refund.expected_at),
        "channel": refund.transaction.channel,
        "fully_deducted": refund.status == "processed",
        "reversed_at": None,
    }


def told(refund: Refund) -> dict[str, Any]:
    """`data` of the webhooks: the amount is text unless the refund failed; only `needs-attention` says which refund."""
    customer = refund.transaction.customer
    data: dict[str, Any] = {
        "status": refund.status,
        "transaction_reference": refund.transaction.reference,
        "refund_reference": refund.refund_reference,
        "amount": refund.amount if refund.status == "failed" else str(refund.amount),
        "currency": refund.currency,
        "processor": "instant-transfer" if refund.has_account else "mpgs_zen",
        "customer": {
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "email": customer.email,
        },
        "integration": INTEGRATION,
        "domain": "test",
    }
    if refund.status == "needs-attention":
        data |= {"id": refund.id, "customer_note": refund.customer_note, "merchant_note": refund.merchant_note}
    return data


def _facts(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "integration": INTEGRATION,
        "domain": "test",
        "currency": refund.currency,
        "amount": refund.amount,
        "status": refund.status,
        "refunded_by": _BY,
        "customer_note": refund.customer_note,
        "merchant_note": refund.merchant_note,
    }
