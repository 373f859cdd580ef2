"""The application under /graph/v23.0."""

from fastapi import FastAPI

from whatsinvoice_sandbox.world import World

from . import api, errors


def meta_app(world: World) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.world = world
    app.state.provider = "meta"
    errors.install(app)
    app.include_router(api.router)
    return app
