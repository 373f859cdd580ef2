"""A dedicated account as Paystack writes it, and the events about its making and its customer."""

import json
from typing import Any

from whatsinvoice_sandbox.paystack.customers import Customer
from whatsinvoice_sandbox.paystack.dedicated import DedicatedAccount, Provider

from . import INTEGRATION, timestamp
from .customers import customer_view


def provider_view(provider: Provider) -> dict[str, Any]:
    """One of GET /dedicated_account/available_providers."""
    return {
        "provider_slug": provider.slug,
        "bank_id": provider.id,
        "bank_name": provider.name,
        "id": provider.id,
    }


def assigned(account: DedicatedAccount) -> dict[str, Any]:
    """`data` of POST and DELETE /dedicated_account, without the customer."""
    at = timestamp(account.created_at)
    return _facts(account) | {
        "metadata": None,
        "assignment": {
            "integration": INTEGRATION,
            "assignee_id": account.customer.id,
            "assignee_type": "Customer",
            "expired": not account.active,
            "account_type": "PAY-WITH-TRANSFER-RECURRING",
            "assigned_at": at,
            "expired_at": None,
        },
    }


def listed(account: DedicatedAccount) -> dict[str, Any]:
    """One of the list."""
    split = {"subaccount": account.subaccount} if account.subaccount else None
    return _facts(account) | {"customer": customer_view(account.customer), "split_config": split}


def fetched(account: DedicatedAccount) -> dict[str, Any]:
    """`data` of GET /dedicated_account/:id, where `split_config` is JSON in a string."""
    data = listed(account)
    return data | {"split_config": json.dumps(data["split_config"]) if data["split_config"] else None}


def assignment_told(customer: Customer, account: DedicatedAccount | None) -> dict[str, Any]:
    """`data` of dedicatedaccount.assign.success, and without an account of .failed."""
    return {
        "customer": customer_view(customer),
        "dedicated_account": assigned(account) if account else None,
        "identification": {"status": "success" if account else "failed"},
    }


def identification_told(customer: Customer, bvn: str, reason: str = "") -> dict[str, Any]:
    """`data` of customeridentification.success, and with a reason of .failed; `customer_id` is text here."""
    masked = f"{bvn[:3]}{'*' * max(len(bvn) - 6, 0)}{bvn[-3:]}"
    data: dict[str, Any] = {
        "customer_id": str(customer.id),
        "customer_code": customer.code,
        "email": customer.email,
        "identification": {"country": "NG", "type": "bvn", "value": masked},
    }
    return data | {"reason": reason} if reason else data


def _facts(account: DedicatedAccount) -> dict[str, Any]:
    at = timestamp(account.created_at)
    return {
        "bank": {"name": account.bank.name, "id": account.bank.id, "slug": account.bank.slug},
        "id": account.id,
        "account_name": account.name,
        "account_number": account.number,
        "assigned": True,
        "currency": account.currency,
        "active": account.active,
        "created_at": at,
        "updated_at": at,
    }
