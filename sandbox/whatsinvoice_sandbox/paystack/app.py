"""The application under /paystack."""

from fastapi import FastAPI

from whatsinvoice_sandbox.world import World

from . import api, checkout, errors


def paystack_app(world: World) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.world = world
    app.state.provider = "paystack"
    errors.install(app)
    app.include_router(api.router)
    app.include_router(checkout.router)
    return app
