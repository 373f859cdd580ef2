"""Subaccounts: made on a bank account that resolves, fetched, listed, changed."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from whatsinvoice_sandbox.paystack.banks import find_bank, resolve_account
from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.paging import DatedQuery, page_of
from whatsinvoice_sandbox.paystack.requests import read_fields, required
from whatsinvoice_sandbox.paystack.shapes.subaccounts import listed, subaccount_view
from whatsinvoice_sandbox.paystack.subaccounts import Subaccount
from whatsinvoice_sandbox.world import Here

from . import keyed_router

router = keyed_router()
_CONTACT = ("description", "primary_contact_name", "primary_contact_email", "primary_contact_phone", "metadata")
_WHOLE = 100


class SubaccountQuery(DatedQuery):
    active: bool | None = None

    def selects(self, subaccount: Subaccount) -> bool:
        return self.active in (None, subaccount.active) and self.covers(subaccount.created_at)


@router.post("/subaccount", status_code=201, name="subaccount_create")
async def create(request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    required(fields, "business_name", "settlement_bank", "account_number", "percentage_charge")
    subaccount = world.subaccounts.add(
        business_name=str(fields["business_name"]),
        percentage_charge=_percentage(fields["percentage_charge"]),
        contact={name: fields.get(name) for name in _CONTACT},
        **_account(fields["settlement_bank"], fields["account_number"]),
    )
    return {"status": True, "message": "Subaccount created", "data": subaccount_view(subaccount)}


@router.get("/subaccount", name="subaccount_list")
async def list_subaccounts(query: Annotated[SubaccountQuery, Query()], world: Here) -> dict[str, Any]:
    page, meta = page_of([known for known in world.subaccounts.newest_first() if query.selects(known)], query)
    data = [listed(subaccount) for subaccount in page]
    return {"status": True, "message": "Subaccounts retrieved", "data": data, "meta": meta}


def _found(code: str, world: Here) -> Subaccount:
    subaccount = world.subaccounts.find(code)
    if subaccount is None:
        raise PaystackError(404, "Subaccount not found", "not_found", "Use the code or id of a subaccount")
    return subaccount


TheSubaccount = Annotated[Subaccount, Depends(_found)]


@router.get("/subaccount/{code}", name="subaccount_fetch")
async def fetch(subaccount: TheSubaccount) -> dict[str, Any]:
    return {"status": True, "message": "Subaccount retrieved", "data": subaccount_view(subaccount)}


@router.put("/subaccount/{code}", name="subaccount_update")
async def update(subaccount: TheSubaccount, request: Request) -> dict[str, Any]:
    fields = {name: value for name, value in (await read_fields(request)).items() if value is not None}
    changes: dict[str, Any] = {}
    if {"settlement_bank", "account_number"} & fields.keys():
        number = fields.get("account_number", subaccount.account_number)
        changes = _account(fields.get("settlement_bank", subaccount.bank_name), number)
    if "percentage_charge" in fields:
        changes["percentage_charge"] = _percentage(fields["percentage_charge"])
    if "business_name" in fields:
        changes["business_name"] = str(fields["business_name"])
    if "active" in fields:
        changes["active"] = str(fields["active"]).lower() == "true"
    changes["contact"] = subaccount.contact | {name: fields[name] for name in _CONTACT if name in fields}
    for name, value in changes.items():
        setattr(subaccount, name, value)
    subaccount.updated_at = datetime.now(UTC)
    return {"status": True, "message": "Subaccount updated", "data": subaccount_view(subaccount)}


def _account(bank: object, account_number: object) -> dict[str, Any]:
    found = find_bank(str(bank))
    if found is None:
        raise PaystackError(400, "Settlement bank is invalid", "invalid_params", "Send the code of a bank from /bank")
    try:
        resolved = resolve_account(str(account_number), found["code"])
    except PaystackError as error:
        next_step = "Resolve the account number with the bank first"
        raise PaystackError(400, "Account number is invalid", "invalid_params", next_step) from error
    names = {"bank_id": found["id"], "bank_name": found["name"]}
    return names | {"account_number": resolved["account_number"], "account_name": resolved["account_name"]}


def _percentage(given: object) -> Decimal:
    try:
        percentage = Decimal(str(given))
    except InvalidOperation:
        percentage = Decimal(-1)
    if not percentage.is_finite() or not 0 <= percentage <= _WHOLE:
        raise PaystackError(400, "Percentage charge is invalid", "invalid_params", "Send a number from 0 to 100")
    return percentage
