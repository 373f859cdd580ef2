"""Transactions: initialize, verify, fetch, list."""

from dataclasses import asdict
from typing import Annotated, Any, get_args

from fastapi import Query, Request

from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.listing import ListQuery, list_page
from whatsinvoice_sandbox.paystack.requests import InitializeRequest, parse_initialize, positive_amount, read_fields
from whatsinvoice_sandbox.paystack.shapes.transactions import fetched, transaction_view
from whatsinvoice_sandbox.paystack.subaccounts import Bearer, Split
from whatsinvoice_sandbox.paystack.transactions import Transaction
from whatsinvoice_sandbox.paystack.webhooks import told_wrongly
from whatsinvoice_sandbox.world import Here, World

from . import keyed_router

router = keyed_router()


@router.post("/transaction/initialize", name="initialize")
async def initialize(request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    asked = parse_initialize(fields)
    split = split_of(fields, world)
    transaction = begin(world, request, asked)
    transaction.split = split
    data = {
        "authorization_url": f"{world.settings.public_url}/paystack/checkout/{transaction.access_code}",
        "access_code": transaction.access_code,
        "reference": transaction.reference,
    }
    return {"status": True, "message": "Authorization URL created", "data": data}


def begin(world: World, request: Request, asked: InitializeRequest) -> Transaction:
    """A new transaction; raises PaystackError 400 where its reference has been used."""
    if world.transactions.by_reference(asked.reference):
        next_step = "Try and create the Transaction or Charge with a new reference"
        raise PaystackError(400, "Duplicate Transaction Reference", "duplicate_reference", next_step)
    return world.transactions.add(**asdict(asked), ip_address=request.client.host if request.client else "127.0.0.1")


def split_of(fields: dict[str, Any], world: World) -> Split | None:
    """Return the split that a request asks for; raise PaystackError for a subaccount or bearer that is none."""
    subaccount = world.subaccounts.find_or_refuse(fields.get("subaccount"))
    if subaccount is None:
        return None
    bearer: Any = fields.get("bearer") or "account"
    if bearer not in get_args(Bearer):
        raise PaystackError(400, "Invalid bearer", "invalid_params", f"Use {' or '.join(get_args(Bearer))}")
    flat = fields.get("transaction_charge")
    return Split(subaccount, bearer, None if flat in (None, "") else positive_amount(flat))


@router.get("/transaction/verify/{reference}", name="verify")
async def verify(reference: str, world: Here) -> dict[str, Any]:
    transaction = world.transactions.by_reference(reference)
    if transaction is None:
        next_step = "Ensure that you're passing the reference of a transaction that exists on this integration"
        raise PaystackError(404, "Transaction reference not found.", "transaction_not_found", next_step)
    data = transaction_view(transaction)
    if fault := world.faults.draw("paystack", "verify", "lie"):
        data = told_wrongly(data, world.faults.draw_lie(fault))
    return {"status": True, "message": "Verification successful", "data": data}


@router.get("/transaction", name="list")
async def list_transactions(query: Annotated[ListQuery, Query()], world: Here) -> dict[str, Any]:
    data, meta = list_page(world.transactions.newest_first(), query)
    return {"status": True, "message": "Transactions retrieved", "data": data, "meta": meta}


@router.get("/transaction/{transaction_id}", name="transaction_fetch")
async def fetch(transaction_id: int, world: Here) -> dict[str, Any]:
    transaction = world.transactions.by_id(transaction_id)
    if transaction is None:
        next_step = "Ensure that you're passing the id of a transaction that exists on this integration"
        raise PaystackError(404, "Transaction not found", "transaction_not_found", next_step)
    return {"status": True, "message": "Transaction retrieved", "data": fetched(transaction)}
