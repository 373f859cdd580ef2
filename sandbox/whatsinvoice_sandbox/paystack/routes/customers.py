"""Customers: made with a name and a phone, or fetched."""

import json
from typing import Any

from fastapi import Request

from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.requests import checked_email, read_fields, required
from whatsinvoice_sandbox.paystack.shapes.customers import created, fetched
from whatsinvoice_sandbox.world import Here

from . import keyed_router

router = keyed_router()


@router.post("/customer", name="customer_create")
async def create(request: Request, world: Here) -> dict[str, Any]:
    """Asked for an address that is known, Paystack gives that customer."""
    fields = await read_fields(request)
    required(fields, "email")
    customer = world.customers.of_email(checked_email(fields["email"]))
    for name in ("first_name", "last_name", "phone"):
        if fields.get(name) is not None:
            setattr(customer, name, str(fields[name]))
    metadata = fields.get("metadata")
    if metadata is not None:
        customer.metadata = json.loads(metadata) if isinstance(metadata, str) and metadata[:1] == "{" else metadata
    return {"status": True, "message": "Customer created", "data": created(customer)}


@router.get("/customer/{email_or_code}", name="customer_fetch")
async def fetch(email_or_code: str, world: Here) -> dict[str, Any]:
    customer = world.customers.find(email_or_code)
    if customer is None:
        raise PaystackError(404, "Customer not found", "not_found", "Use the e-mail address or code of a customer")
    paid = [transaction for transaction in world.transactions.paid() if transaction.customer is customer]
    data = fetched(customer, world.accounts.of_customer(customer), paid)
    return {"status": True, "message": "Customer retrieved", "data": data}
