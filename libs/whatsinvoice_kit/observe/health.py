"""The ops port: `/livez` (the loop turns), `/healthz` (the database too), `/readyz` (it takes work), `/metrics`."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

Ping = Callable[[], Awaitable[None]]
PING_SECONDS = 2


def metrics_as(accept: str) -> tuple[str, bytes]:
    """Content type and text of all metrics: in OpenMetrics, which has exemplars, for who accepts it."""
    encode, kind = choose_encoder(accept)
    return kind, encode(REGISTRY)


class OpsServer:
    """A small HTTP server beside the service; `port` is known after `start`."""

    def __init__(self, host: str, port: int, ping: Ping) -> None:
        config = uvicorn.Config(
            self._app, host=host, port=port, log_config=None, access_log=False, lifespan="off", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # signals are the runtime's
        self._task: asyncio.Task[None] | None = None
        self._ping = ping
        self.ready = False
        self.port = 0

    async def start(self) -> None:
        """Serves in the background."""
        self._task = asyncio.create_task(self._server._serve())  # noqa: SLF001  (the public serve() takes over signals)
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends the server."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    async def _app(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG002  (ASGI)
        if scope["type"] != "http":
            return
        accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        status, kind, body = await self._answer(scope["path"], accept)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str, accept: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return 200, *metrics_as(accept)
        if path == "/livez":  # no database: one that is away must not have everything restarted that waits for it
            return 200, "application/json", b'{"status": "ok"}'
        if path not in ("/healthz", "/readyz"):
            return 404, "application/json", b'{"status": "not found"}'
        if path == "/readyz" and not self.ready:
            return 503, "application/json", b'{"status": "not ready"}'
        try:
            await asyncio.wait_for(self._ping(), PING_SECONDS)
        except Exception as error:  # noqa: BLE001  (whatever is wrong with the database, the answer is 503 and its name)
            return 503, "application/json", json.dumps({"status": "failing", "error": type(error).__name__}).encode()
        return 200, "application/json", b'{"status": "ok"}'
