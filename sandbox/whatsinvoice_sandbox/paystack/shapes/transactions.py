"""A transaction as Paystack writes it: the fields of its verify and list answers, and of `charge.success`."""

import json
from typing import Any

from whatsinvoice_sandbox.paystack.transactions import Transaction

from . import timestamp, timestamp_or_none
from .authorizations import authorization_view
from .customers import customer_view
from .subaccounts import fees_split, in_transaction

_SOURCE = {
    "type": "api",
    "source": "merchant_api",
    "entry_point": "transaction_initialize",
    "identifier": None,
}


def transaction_view(transaction: Transaction) -> dict[str, Any]:
    """`data` of GET /transaction/verify/:reference."""
    paid_at, created_at = timestamp_or_none(transaction.paid_at), timestamp(transaction.created_at)
    return {
        "id": transaction.id,
        "domain": "test",
        "status": transaction.status,
        "reference": transaction.reference,
        "receipt_number": None,
        "amount": transaction.amount,
        "message": None if transaction.paid_at else transaction.gateway_response,
        "gateway_response": transaction.gateway_response,
        "paid_at": paid_at,
        "created_at": created_at,
        "channel": transaction.channel,
        "currency": transaction.currency,
        "ip_address": transaction.ip_address,
        "metadata": "" if transaction.metadata is None else transaction.metadata,
        "log": _log(transaction),
        "fees": transaction.fees,
        "fees_split": fees_split(transaction.split, transaction.amount, transaction.fees),
        "authorization": authorization_view(transaction) if transaction.paid_at else {},
        "customer": customer_view(transaction.customer),
        "plan": None,
        "split": {},
        "order_id": None,
        "paidAt": paid_at,
        "createdAt": created_at,
        "requested_amount": transaction.requested,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
        "connect": None,
        "transaction_date": created_at,
        "plan_object": {},
        "subaccount": in_transaction(transaction.split),
    }


def fetched(transaction: Transaction) -> dict[str, Any]:
    """`data` of GET /transaction/:id."""
    return transaction_view(transaction) | {"helpdesk_link": None, "plan": {}, "source": dict(_SOURCE)}


def charge_success(transaction: Transaction) -> dict[str, Any]:
    """`data` of the webhook, which wears the types that Paystack's own samples wear.

    Metadata comes as object, JSON string, null or the integer 0; plan as object or null; the address as a list with
    commas. Which of them a transaction gets follows from its id, so a run can be repeated.
    """
    data = transaction_view(transaction)
    turn = transaction.id % 4
    given = transaction.metadata
    if given is None or given == "":
        data["metadata"] = (None, 0, "", None)[turn]
    elif turn == 0 and isinstance(given, dict):
        data["metadata"] = json.dumps(given)
    data["plan"] = None if turn == 0 else {}
    if turn == 1 and transaction.split:
        data["subaccount"] = transaction.split.subaccount.code
    if turn == 2:  # noqa: PLR2004  one of the four turns
        data["ip_address"] = f"{transaction.ip_address}, 172.70.35.1"
        data["amount"] = str(transaction.amount)
    for only_in_verify in ("receipt_number", "connect", "transaction_date", "plan_object", "createdAt"):
        del data[only_in_verify]
    data["source"] = dict(_SOURCE)
    return data


def _log(transaction: Transaction) -> dict[str, Any] | None:
    if not transaction.history:
        return None
    failed = [step for step in transaction.history if step["type"] != "success"]
    return {
        "start_time": int(transaction.created_at.timestamp()),
        "time_spent": transaction.history[-1]["time"],
        "attempts": len(transaction.history),
        "errors": len(failed),
        "success": transaction.paid_at is not None,
        "mobile": False,
        "input": [],
        "history": transaction.history,
    }
