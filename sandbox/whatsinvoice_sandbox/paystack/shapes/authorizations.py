"""How a transaction was paid, as Paystack writes it: its `authorization`, of a card, a transfer or a dialled code."""

import hashlib
from typing import Any

from whatsinvoice_sandbox.paystack.transactions import DEFAULT_CARD, ONE_TIME_BANK, Transaction

_NO_RECEIVER = {"receiver_bank_account_number": None, "receiver_bank": None}
_DIALLED = {
    "bin": "XXXXXX",
    "last4": "XXXX",
    "card_type": "offline",
    "bank": "Guaranty Trust Bank",
    "brand": "offline",
    "reusable": False,
    "signature": None,
}


def authorization_view(transaction: Transaction) -> dict[str, Any]:
    token = hashlib.sha256(f"{transaction.customer.code}{transaction.card_number}".encode()).hexdigest()
    common = {
        "authorization_code": f"AUTH_{token[:10]}",
        "exp_month": "12",
        "exp_year": "2030",
        "channel": transaction.channel,
        "country_code": "NG",
        "account_name": None,
    }
    if transaction.channel in {"bank_transfer", "dedicated_nuban"}:
        return common | _transfer(transaction)
    if transaction.channel == "ussd":
        offline = {"card_type": "offline", "bank": "Guaranty Trust Bank", "brand": "offline"}
        return (
            common | _NO_RECEIVER | offline | {"bin": "XXXXXX", "last4": "XXXX", "reusable": False, "signature": None}
        )
    number = transaction.card_number or DEFAULT_CARD
    brand = "visa" if number.startswith("4") else "verve"
    return (
        common
        | _NO_RECEIVER
        | {
            "bin": number[:6],
            "last4": number[-4:],
            "card_type": f"{brand} ",
            "bank": "TEST BANK",
            "brand": brand,
            "reusable": True,
            "signature": f"SIG_{token[10:30]}",
        }
    )


def _transfer(transaction: Transaction) -> dict[str, Any]:
    sender, into = transaction.transfer, transaction.account
    return {
        "bin": "008XXX",
        "last4": sender.account_number[-4:],
        "card_type": "transfer",
        "bank": sender.bank if into else None,
        "brand": "Managed Account",
        "reusable": False,
        "signature": None,
        "sender_country": "NG",
        "sender_name": sender.name,
        "sender_bank": sender.bank,
        "sender_bank_account_number": f"XXXXXX{sender.account_number[-4:]}",
        "narration": sender.narration,
        "receiver_bank_account_number": into.number if into else transaction.transfer_account,
        "receiver_bank": into.bank.name if into else ONE_TIME_BANK.name,
    }
