"""A dispute as Paystack writes it: fetched and told with its transaction, resolved with only the number of it."""

from typing import Any

from whatsinvoice_sandbox.paystack.disputes import Dispute, Evidence, Message

from . import INTEGRATION, timestamp, timestamp_or_none
from .authorizations import authorization_view
from .customers import customer_view
from .transactions import transaction_view


def dispute_view(dispute: Dispute) -> dict[str, Any]:
    """`data` of GET and PUT /dispute/:id, and one of the list."""
    return _facts(dispute) | {
        "transaction": transaction_view(dispute.transaction) | {"plan": {}},
        "customer": customer_view(dispute.transaction.customer),
        "history": [
            {"status": step.status, "by": step.by, "createdAt": timestamp(step.at)} for step in dispute.history
        ],
        "messages": [
            {"sender": message.sender, "body": message.body, "createdAt": timestamp(message.at)}
            for message in dispute.messages
        ],
    }


def of_transaction(dispute: Dispute) -> dict[str, Any]:
    """`data` of GET /dispute/transaction/:id."""
    return dispute_view(dispute) | _numbers(dispute)


def resolved(dispute: Dispute, said: Message) -> dict[str, Any]:
    """`data` of PUT /dispute/:id/resolve."""
    message = {
        "dispute": dispute.id,
        "sender": said.sender,
        "body": said.body,
        "id": said.id,
        "createdAt": timestamp(said.at),
        "updatedAt": timestamp(said.at),
    }
    return _facts(dispute) | _numbers(dispute) | {"transaction": dispute.transaction.id, "message": message}


def evidence_view(dispute: Dispute, evidence: Evidence) -> dict[str, Any]:
    """`data` of POST /dispute/:id/evidence."""
    at = timestamp(evidence.at)
    return evidence.fields | {"dispute": dispute.id, "id": evidence.id, "createdAt": at, "updatedAt": at}


def told(dispute: Dispute) -> dict[str, Any]:
    """`data` of the webhooks, which write the two last times otherwise than the answers do."""
    data = dispute_view(dispute)
    return data | {"created_at": data.pop("createdAt"), "updated_at": data.pop("updatedAt")}


def _facts(dispute: Dispute) -> dict[str, Any]:
    authorization = authorization_view(dispute.transaction)
    return {
        "id": dispute.id,
        "refund_amount": dispute.refund_amount,
        "currency": dispute.transaction.currency,
        "status": dispute.status,
        "resolution": dispute.resolution,
        "domain": "test",
        "transaction_reference": None,
        "category": dispute.category,
        "bin": authorization["bin"],
        "last4": authorization["last4"],
        "dueAt": timestamp(dispute.due_at),
        "resolvedAt": timestamp_or_none(dispute.resolved_at),
        "evidence": dispute.evidence.id if dispute.evidence else None,
        "attachments": dispute.uploaded_filename,
        "note": None,
        "createdAt": timestamp(dispute.created_at),
        "updatedAt": timestamp(dispute.updated_at),
    }


def _numbers(dispute: Dispute) -> dict[str, Any]:
    return {
        "integration": INTEGRATION,
        "created_by": INTEGRATION,
        "merchant_transaction_reference": dispute.transaction.reference,
    }
