"""Paystack's HTTP API, one module per resource; every route asks for the secret key and can be made to fail by name."""

import hmac

from fastapi import APIRouter, Depends, Request

from whatsinvoice_sandbox.faults import FaultyRoute
from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.world import Here


def _check_key(request: Request, world: Here) -> None:
    given = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {world.settings.paystack_secret_key}".encode()):
        raise PaystackError(401, "Invalid key")


def keyed_router() -> APIRouter:
    """A router for one resource."""
    return APIRouter(route_class=FaultyRoute, dependencies=[Depends(_check_key)])
