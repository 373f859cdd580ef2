"""Banks, and whose an account is."""

from typing import Any

from whatsinvoice_sandbox.paystack.banks import list_banks, resolve_account

from . import keyed_router

router = keyed_router()


@router.get("/bank", name="banks")
async def banks(currency: str = "NGN") -> dict[str, Any]:
    return {"status": True, "message": "Banks retrieved", "data": list_banks(currency)}


@router.get("/bank/resolve", name="resolve")
async def resolve(account_number: str = "", bank_code: str = "") -> dict[str, Any]:
    data = resolve_account(account_number, bank_code)
    return {"status": True, "message": "Account number resolved", "data": data}
