"""A server that notes whatever reaches it, to stand behind a proxy. It thinks for a second about /slow."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Upstream:
    """Heads (names in lower case) and bodies of what came."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def upstream() -> Iterator[Upstream]:
    noted = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            noted.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            noted.heads.append({name.lower(): value for name, value in self.headers.items()})
            time.sleep(self.path == "/slow")
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"through")

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = do_TRACE = _answer  # noqa: N815  (their names)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    noted.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield noted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
