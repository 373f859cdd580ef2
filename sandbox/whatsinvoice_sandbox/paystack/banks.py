"""Banks and account resolution: a few Nigerian banks by their real codes, and account names made up from the number."""

from typing import Any

from .errors import PaystackError

_ACCOUNT_DIGITS = 10
_ADDED = "2016-07-14T10:04:29.000Z"
# name, slug, code
_BANKS = (
    ("Access Bank", "access-bank", "044"),
    ("Ecobank Nigeria", "ecobank-nigeria", "050"),
    ("First Bank of Nigeria", "first-bank-of-nigeria", "011"),
    ("Guaranty Trust Bank", "guaranty-trust-bank", "058"),
    ("Test Bank", "test-bank", "001"),
    ("United Bank For Africa", "united-bank-for-africa", "033"),
    ("Wema Bank", "wema-bank", "035"),
    ("Zenith Bank", "zenith-bank", "057"),
)
_HOLDERS = ("ADAEZE OKONKWO", "BABATUNDE ADEYEMI", "CHIAMAKA EZE", "DANJUMA BELLO", "EFE OGHENE", "FUNMILAYO ALABI")


def list_banks(currency: str) -> list[dict[str, Any]]:
    return [_bank(number) for number in range(len(_BANKS))] if currency == "NGN" else []


def find_bank(code_slug_or_name: str) -> dict[str, Any] | None:
    """One of the list, by any of its three names."""
    for bank in list_banks("NGN"):
        if code_slug_or_name in (bank["code"], bank["slug"], bank["name"]):
            return bank
    return None


def resolve_account(account_number: str, bank_code: str) -> dict[str, Any]:
    """The holder of an account; raises PaystackError 422 where Paystack cannot tell."""
    codes = [code for _, _, code in _BANKS]
    digits = account_number.isascii() and account_number.isdigit()
    if bank_code not in codes or not digits or len(account_number) != _ACCOUNT_DIGITS:
        next_step = "Ensure that you're passing the correct account number and bank code"
        message = "Could not resolve account name. Check parameters or try again."
        raise PaystackError(422, message, "invalid_bank_code", next_step)
    return {
        "account_number": account_number,
        "account_name": _HOLDERS[int(account_number) % len(_HOLDERS)],
        "bank_id": codes.index(bank_code) + 1,
    }


def _bank(number: int) -> dict[str, Any]:
    name, slug, code = _BANKS[number]
    return {
        "id": number + 1,
        "name": name,
        "slug": slug,
        "code": code,
        "longcode": f"{code}150000",
        "gateway": None,
        "pay_with_bank": code == "057",
        "supports_transfer": True,
        "available_for_direct_debit": False,
        "active": True,
        "is_deleted": False,
        "country": "Nigeria",
        "currency": "NGN",
        "type": "nuban",
        "createdAt": _ADDED,
        "updatedAt": _ADDED,
    }
