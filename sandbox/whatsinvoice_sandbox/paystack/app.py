"""The application under /paystack."""

from fastapi import FastAPI

from whatsinvoice_sandbox.world import World

from . import errors
from .routes import (
    balance,
    banks,
    charges,
    checkout,
    customers,
    dedicated,
    disputes,
    refunds,
    subaccounts,
    transactions,
)

ROUTERS = tuple(
    module.router
    for module in (balance, banks, charges, customers, dedicated, disputes, refunds, subaccounts, transactions)
)
"""What asks for the secret key."""


def paystack_app(world: World) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.world = world
    app.state.provider = "paystack"
    errors.install(app)
    for router in (*ROUTERS, disputes.storage, checkout.router):
        app.include_router(router)
    return app
