"""A Vault of our own: what its KV version 2 engine answers over HTTP, for one mount, token and namespace.

Written after https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2: versions are kept, a deleted latest
version answers 404 with its metadata, an unwritten secret 404 without errors, a foreign path 404 with one.
"""

import json
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_Answer = tuple[int, bytes]


class Vault:
    """What the server holds. `fault` replaces every answer, `seconds` delays it, `drip` sends it a byte at a time."""

    def __init__(self, token: str, mount: str = "secret", namespace: str = "") -> None:
        self.token, self.mount, self.namespace = token, mount, namespace
        self.versions: dict[str, list[dict[str, Any] | None]] = {}
        self.fault: _Answer | None = None
        self.seconds = self.drip = 0.0
        self.asked: list[str] = []
        self.address = ""

    def write(self, path: str, **fields: Any) -> None:
        """A new version of a secret."""
        self.versions.setdefault(path, []).append(fields)

    def delete(self, path: str) -> None:
        """Of the latest version, as `vault kv delete` does."""
        self.versions[path][-1] = None

    def answer(self, path: str, token: str, namespace: str) -> _Answer:
        self.asked.append(path)
        if self.fault:
            return self.fault
        if token != self.token or namespace != self.namespace:
            return 403, _json(errors=["permission denied"])
        start = f"/v1/{self.mount}/data/"
        if not path.startswith(start):
            return 404, _json(errors=[f'no handler for route "{path}". route entry not found.'])
        versions = self.versions.get(path.removeprefix(start))
        if not versions:
            return 404, _json(errors=[])
        metadata = {"version": len(versions), "destroyed": False, "deletion_time": ""}
        status = 200 if versions[-1] is not None else 404
        return status, _json(request_id="1", data={"data": versions[-1], "metadata": metadata})


def _json(**answer: Any) -> bytes:
    return json.dumps(answer).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is what the tests of slowness and of certificates want; all else is told."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(vault: Vault, certificate: ssl.SSLContext | None = None) -> Iterator[Vault]:
    """Serves on 127.0.0.1, over TLS where there is a certificate, and fills `address`."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token, namespace = (self.headers.get(f"X-Vault-{name}", "") for name in ("Token", "Namespace"))
            status, body = vault.answer(self.path, token, namespace)
            released.wait(vault.seconds)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", f"{vault.address}{self.path}")
            self.end_headers()
            self._send(body)

        def _send(self, body: bytes) -> None:
            size = 1 if vault.drip else len(body) or 1
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                time.sleep(vault.drip)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (http.server names it)
            """Tests print nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    if certificate:
        server.socket = certificate.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    vault.address = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield vault
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()
