"""What Kubernetes' API server answers about one Secret, over TLS on 127.0.0.1, to whoever shows the account's token.

Written after https://kubernetes.io/docs/reference/using-api/api-concepts/: a write with another resourceVersion than
the current one is a conflict (409).
"""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.certificates import write_certificate


@dataclass
class ApiServer:
    """`data` is the Secret's, base64; `before_write` is called once, between a read and a write."""

    account: Path
    name: str = "keys"
    port: int = 0
    data: dict[str, str] = field(default_factory=dict)
    version: int = 1
    writes: int = 0
    before_write: Any = None

    def answer(self, method: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if token != f"Bearer {(self.account / 'token').read_text()}":
            return 401, {"kind": "Status", "reason": "Unauthorized"}
        if method == "PUT":
            if self.before_write:
                self.before_write()
            if body["metadata"]["resourceVersion"] != str(self.version):
                return 409, {"kind": "Status", "reason": "Conflict"}
            self.data, self.version, self.writes = body["data"], self.version + 1, self.writes + 1
        metadata = {"name": self.name, "namespace": "shop", "resourceVersion": str(self.version)}
        found = {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "type": "Opaque"}
        return 200, found | ({"data": self.data} if self.data else {})


@contextmanager
def api_server(folder: Path, name: str = "keys") -> Iterator[ApiServer]:
    """Running, with one Secret in the namespace `shop`; `folder` becomes what a pod of its finds of it."""
    write_certificate(folder, "server")
    (folder / "token").write_text("a-pods-own-token")
    (folder / "namespace").write_text("shop")
    known, path = ApiServer(folder, name), f"/api/v1/namespaces/shop/secrets/{name}"

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            status, said = known.answer(self.command, self.headers.get("Authorization", ""), body)
            text = json.dumps(said if self.path == path else {}).encode()
            self.send_response(status if self.path == path else 404)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = _answer  # noqa: N815  (their names)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(folder / "server.crt", folder / "server.key")
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    known.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
