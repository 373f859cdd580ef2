"""The whole sandbox as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from . import control
from .memory import Memory
from .meta.app import meta_app
from .pages import STATIC
from .paystack.app import paystack_app
from .settings import Settings
from .world import World


def create_app(settings: Settings) -> FastAPI:
    world = World(settings)
    memory = Memory(Path(settings.sandbox_state), world) if settings.sandbox_state else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if memory:
            memory.restore()
            world.refunds.resume()
            memory.start()
        yield
        await world.close()
        if memory:
            await memory.close()

    app = FastAPI(title="WhatsInvoice sandbox", lifespan=lifespan)
    app.state.world = world
    app.include_router(control.router)
    app.mount("/paystack", paystack_app(world))
    app.mount("/graph/{version}", meta_app(world))
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/", include_in_schema=False)
    async def two_phones() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    return app
