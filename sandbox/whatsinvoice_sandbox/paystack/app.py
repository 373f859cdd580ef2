"""The application under /paystack."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

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


class _EitherSlash:
    """Paystack answers `/transaction/` as `/transaction`; a redirect would be followed by no client of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)


def paystack_app(world: World) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.world = world
    app.state.provider = "paystack"
    app.add_middleware(_EitherSlash)
    errors.install(app)
    for router in (*ROUTERS, disputes.storage, checkout.router):
        app.include_router(router)
    return app
