"""The sandbox as a program, and a door for its webhooks, for tests that have no gateway in front of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class Entrance:
    """Takes webhooks and hands the raw body and its signature on; 503 while nobody is there."""

    url: str = ""
    forward: Callable[[bytes, str], int] | None = None
    """Gives the status of the answer."""
    answers: list[int] = field(default_factory=list)


@contextmanager
def entrance(signature_header: str) -> Iterator[Entrance]:
    """An HTTP receiver in threads of its own, on a free port."""
    door = Entrance()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            signature = self.headers.get(signature_header, "")
            status = door.forward(body, signature) if door.forward else 503
            door.answers.append(status)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    door.url = f"http://127.0.0.1:{server.server_port}/"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield door
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def sandbox_program(log: Path, **settings: str) -> Iterator[str]:
    """The sandbox as its own process, on a free port; gives its address."""
    environment = {**os.environ, "SANDBOX_PORT": "0", **settings}
    command = [sys.executable, "-m", "whatsinvoice_sandbox"]
    with log.open("w") as stderr, subprocess.Popen(command, env=environment, stderr=stderr) as process:
        yield _address(log, process)
        process.terminate()
        process.wait(10)


def _address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 90  # a busy machine takes its time, and a failure here fails every test of the run
    while time.monotonic() < until:
        _, found, rest = log.read_text().partition("sandbox on ")
        if found and "\n" in rest:
            return rest.partition("\n")[0]
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError("the sandbox did not start")
