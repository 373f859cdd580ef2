"""Transactions: initialize, verify, fetch, list."""

from typing import Annotated, Any

from fastapi import Query, Request

from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.listing import ListQuery, list_page
from whatsinvoice_sandbox.paystack.requests import parse_initialize, read_fields
from whatsinvoice_sandbox.paystack.shapes.transactions import fetched, transaction_view
from whatsinvoice_sandbox.paystack.webhooks import told_wrongly
from whatsinvoice_sandbox.world import Here

from . import keyed_router

router = keyed_router()


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
