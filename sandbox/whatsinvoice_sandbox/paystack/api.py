"""Paystack's HTTP API: transaction initialize, verify, list; banks."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from whatsinvoice_sandbox.faults import FaultyRoute
from whatsinvoice_sandbox.world import Here

from .banks import list_banks, resolve_account
from .errors import PaystackError
from .listing import ListQuery, list_page
from .requests import parse_initialize, read_fields
from .shapes import transaction_view
from .webhooks import told_wrongly


def _check_key(request: Request, world: Here) -> None:
    given = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {world.settings.paystack_secret_key}".encode()):
        raise PaystackError(401, "Invalid key")


router = APIRouter(route_class=FaultyRoute, dependencies=[Depends(_check_key)])


@router.post("/transaction/initialize", name="initialize")
async def initialize(request: Request, world: Here) -> dict[str, Any]:
    asked = parse_initialize(await read_fields(request))
    if world.transactions.by_reference(asked.reference):
        next_step = "Try and create the Transaction or Charge with a new reference"
        raise PaystackError(400, "Duplicate Transaction Reference", "duplicate_reference", next_step)
    transaction = world.transactions.add(
        email=asked.email,
        amount=asked.amount,
        currency=asked.currency,
        reference=asked.reference,
        callback_url=asked.callback_url,
        channels=asked.channels,
        metadata=asked.metadata,
        ip_address=request.client.host if request.client else "127.0.0.1",
    )
    data = {
        "authorization_url": f"{world.settings.public_url}/paystack/checkout/{transaction.access_code}",
        "access_code": transaction.access_code,
        "reference": transaction.reference,
    }
    return {"status": True, "message": "Authorization URL created", "data": data}


@router.get("/transaction/verify/{reference}", name="verify")
async def verify(reference: str, world: Here) -> dict[str, Any]:
    transaction = world.transactions.by_reference(reference)
    if transaction is None:
        next_step = "Ensure that you're passing the reference of a transaction that exists on this integration"
        raise PaystackError(404, "Transaction reference not found.", "transaction_not_found", next_step)
    data = transaction_view(transaction)
    if fault := world.faults.draw("paystack", "verify", "lie"):
        data = told_wrongly(data, fault)
    return {"status": True, "message": "Verification successful", "data": data}


@router.get("/transaction", name="list")
async def list_transactions(query: Annotated[ListQuery, Query()], world: Here) -> dict[str, Any]:
    data, meta = list_page(world.transactions.newest_first(), query)
    return {"status": True, "message": "Transactions retrieved", "data": data, "meta": meta}


@router.get("/bank", name="banks")
async def banks(currency: str = "NGN") -> dict[str, Any]:
    return {"status": True, "message": "Banks retrieved", "data": list_banks(currency)}


@router.get("/bank/resolve", name="resolve")
async def resolve(account_number: str = "", bank_code: str = "") -> dict[str, Any]:
    data = resolve_account(account_number, bank_code)
    return {"status": True, "message": "Account number resolved", "data": data}
