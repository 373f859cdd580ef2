"""A subaccount as Paystack writes it: whole, in the list (where `active` is a number), and inside a transaction."""

from typing import Any

from whatsinvoice_sandbox.paystack.subaccounts import Split, Subaccount

from . import INTEGRATION, timestamp


def subaccount_view(subaccount: Subaccount) -> dict[str, Any]:
    """`data` of POST, GET and PUT /subaccount."""
    return _facts(subaccount) | {
        "account_name": subaccount.account_name,
        "bank": subaccount.bank_id,
        "integration": INTEGRATION,
        "domain": "test",
        "product": "collection",
        "managed_by_integration": INTEGRATION,
        "settlement_schedule": "AUTO",
        "active": subaccount.active,
        "migrate": False,
        "createdAt": timestamp(subaccount.created_at),
        "updatedAt": timestamp(subaccount.updated_at),
    }


def listed(subaccount: Subaccount) -> dict[str, Any]:
    return _facts(subaccount) | {"bank_id": subaccount.bank_id, "active": int(subaccount.active)}


def in_transaction(split: Split | None) -> dict[str, Any]:
    if split is None:
        return {}
    names = ("id", "subaccount_code", "business_name", "percentage_charge", "settlement_bank", "account_number")
    facts = _facts(split.subaccount)
    return {name: facts[name] for name in names}


def fees_split(split: Split | None, amount: int, fees: int | None) -> dict[str, Any] | None:
    """Who gets what of a paid charge."""
    if split is None or fees is None:
        return None
    main, sub = split.shares(amount, fees)
    params: dict[str, Any] = {"bearer": split.bearer}
    if split.transaction_charge is None:
        params["percentage_charge"] = str(split.subaccount.percentage_charge)
    else:
        params["transaction_charge"] = str(split.transaction_charge)
    return {"paystack": fees, "integration": main, "subaccount": sub, "params": params}


def _facts(subaccount: Subaccount) -> dict[str, Any]:
    percentage = subaccount.percentage_charge
    return subaccount.contact | {
        "id": subaccount.id,
        "subaccount_code": subaccount.code,
        "business_name": subaccount.business_name,
        "percentage_charge": int(percentage) if percentage == int(percentage) else float(percentage),
        "settlement_bank": subaccount.bank_name,
        "account_number": subaccount.account_number,
        "currency": "NGN",
        "is_verified": False,
    }
