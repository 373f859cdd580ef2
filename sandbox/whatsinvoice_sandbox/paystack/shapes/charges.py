"""A charge as Paystack writes it: what the payer shall do now, and how far it has come."""

from typing import Any

from whatsinvoice_sandbox.paystack.transactions import ONE_TIME_BANK, Transaction

from . import timestamp, timestamp_or_none
from .authorizations import authorization_view
from .customers import customer_view


def to_transfer(transaction: Transaction) -> dict[str, Any]:
    """`data` of POST /charge with `bank_transfer`."""
    return {
        "reference": transaction.reference,
        "status": "pending_bank_transfer",
        "display_text": "Please make a transfer to the account specified",
        "account_name": "PAYSTACK CHECKOUT",
        "account_number": transaction.transfer_account,
        "bank": {"slug": ONE_TIME_BANK.slug, "name": ONE_TIME_BANK.name, "id": ONE_TIME_BANK.id},
        "account_expires_at": timestamp_or_none(transaction.account_expires_at),
    }


def to_dial(transaction: Transaction, bank_code: str) -> dict[str, Any]:
    """`data` of POST /charge with `ussd`."""
    code = f"*{bank_code}*33*4*{transaction.id % 100_000}#"
    return {
        "reference": transaction.reference,
        "status": "pay_offline",
        "display_text": f"Please dial {code} on your mobile phone to complete the transaction",
        "ussd_code": code,
    }


def pending_charge(transaction: Transaction) -> dict[str, Any]:
    """`data` of GET /charge/:reference."""
    return {
        "status": transaction.status,
        "amount": transaction.amount,
        "currency": transaction.currency,
        "transaction_date": timestamp(transaction.created_at),
        "reference": transaction.reference,
        "domain": "test",
        "redirect_url": None,
        "metadata": "" if transaction.metadata is None else transaction.metadata,
        "gateway_response": transaction.gateway_response,
        "message": None,
        "channel": transaction.channel,
        "fees": transaction.fees,
        "authorization": authorization_view(transaction) if transaction.paid_at else {},
        "customer": customer_view(transaction.customer),
    }
