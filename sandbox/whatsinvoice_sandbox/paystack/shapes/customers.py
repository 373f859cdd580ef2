"""A customer as Paystack writes it: inside other things, made, and fetched with what belongs to it."""

from collections.abc import Sequence
from typing import Any

from whatsinvoice_sandbox.paystack.customers import Customer
from whatsinvoice_sandbox.paystack.dedicated import DedicatedAccount
from whatsinvoice_sandbox.paystack.transactions import Transaction

from . import INTEGRATION, timestamp


def customer_view(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "customer_code": customer.code,
        "phone": customer.phone,
        "metadata": customer.metadata,
        "risk_action": "default",
        "international_format_phone": customer.phone,
    }


def created(customer: Customer) -> dict[str, Any]:
    """`data` of POST /customer."""
    at = timestamp(customer.created_at)
    return customer_view(customer) | {
        "transactions": [],
        "subscriptions": [],
        "authorizations": [],
        "integration": INTEGRATION,
        "domain": "test",
        "createdAt": at,
        "updatedAt": at,
        "identified": False,
        "identifications": None,
    }


def fetched(
    customer: Customer, accounts: Sequence[DedicatedAccount], transactions: Sequence[Transaction]
) -> dict[str, Any]:
    """`data` of GET /customer/:email_or_code."""
    at = timestamp(customer.created_at)
    of_accounts = [
        {"id": account.id, "account_number": account.number, "account_name": account.name} for account in accounts
    ]
    sums: dict[str, int] = {}
    for transaction in transactions:
        sums[transaction.currency] = sums.get(transaction.currency, 0) + transaction.amount
    return created(customer) | {
        "created_at": at,
        "updated_at": at,
        "total_transactions": len(transactions),
        "total_transaction_value": [{"currency": currency, "amount": amount} for currency, amount in sums.items()],
        "dedicated_account": of_accounts[0] if of_accounts else None,
        "dedicated_accounts": of_accounts,
    }


def told(customer: Customer) -> dict[str, Any]:
    """A customer in `bank.transfer.rejected`."""
    at = timestamp(customer.created_at)
    extra = {"domain": "test", "integration": INTEGRATION, "createdAt": at, "updatedAt": at}
    return customer_view(customer) | extra
