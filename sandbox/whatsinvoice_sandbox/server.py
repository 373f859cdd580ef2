"""The web server around the application: binds first, so that port 0 becomes a real address before anyone is told."""

import socket

import uvicorn

from .app import create_app
from .settings import Settings
from .world import World

_DRAIN_SECONDS = 3


class Server(uvicorn.Server):
    """`address` is where it listens, `world` what it remembers."""

    def __init__(self, settings: Settings) -> None:
        self.listener = _listen(settings.sandbox_host, settings.sandbox_port)
        bound = settings.model_copy(update={"sandbox_port": self.listener.getsockname()[1]})
        app = create_app(bound)
        self.world: World = app.state.world
        self.address = bound.public_url
        super().__init__(
            uvicorn.Config(app, http="httptools", log_config=None, timeout_graceful_shutdown=_DRAIN_SECONDS)
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.world.end_watches()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP, because asyncio switches Nagle's delay off only where the protocol is named: 40 ms on each answer
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(100)
    return listener
