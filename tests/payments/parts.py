"""What stands around payments in its tests: the sandbox as a program, its webhooks' way in, and invoices."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2, invoices_pb2_grpc
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.errors import not_found
from whatsinvoice_kit.core.ids import new_id

SECRET_KEY = "sk_test_whatsinvoice"
HTTP_OF = {grpc.StatusCode.UNAUTHENTICATED: 401, grpc.StatusCode.INVALID_ARGUMENT: 400}

_Servicer: Any = invoices_pb2_grpc.InvoicesServiceServicer


class Invoices(_Servicer):  # type: ignore[misc]  # one RPC of many is all that payments calls
    """Answers GetPayable from what a test has put in."""

    def __init__(self) -> None:
        self.by_token: dict[str, invoices_pb2.GetPayableResponse] = {}

    def bill(self, due_minor: int = 7_500_000, **changes: Any) -> str:
        """An open invoice of a fresh business; gives its token."""
        token = new_id("tok")
        values: dict[str, Any] = {
            "business_id": new_id("biz"),
            "invoice_id": new_id("inv"),
            "invoice_number": "INV-000001",
            "status": invoices_pb2.INVOICE_STATUS_OPEN,
            "amount_due": common_pb2.Money(currency_code="NGN", amount_minor=due_minor),
            "public_url": f"https://pay.example/i/{token}",
        }
        self.by_token[token] = invoices_pb2.GetPayableResponse(**(values | changes))
        return token

    async def GetPayable(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        if request.token not in self.by_token:
            raise not_found("LINK_NOT_FOUND", "there is no such link")
        return self.by_token[request.token]


@dataclass
class Entrance:
    """Takes webhooks over HTTP as the gateway does, and hands the raw body and its signature to the service."""

    url: str = ""
    forward: Any = None
    """Called with a request; gives the status; None while no service runs."""
    answers: list[int] = field(default_factory=list)


@contextmanager
def entrance() -> Iterator[Entrance]:
    """An HTTP receiver in threads of its own, on a free port."""
    door = Entrance()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            signature = self.headers.get("x-paystack-signature", "")
            request = pb.ReceivePaystackWebhookRequest(body=body, signature=signature)
            status = door.forward(request) if door.forward else 503
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
def sandbox_program(log: Path, webhook_url: str) -> Iterator[str]:
    """The sandbox as its own process; gives its address. Its retry schedule is ten thousand times faster."""
    environment = {
        **os.environ,
        "SANDBOX_PORT": "0",
        "SANDBOX_TIME_SCALE": "0.0001",
        "PAYSTACK_SECRET_KEY": SECRET_KEY,
        "PAYSTACK_WEBHOOK_URL": webhook_url,
    }
    with (
        log.open("w") as stderr,
        subprocess.Popen([sys.executable, "-m", "whatsinvoice_sandbox"], env=environment, stderr=stderr) as process,
    ):
        yield _address(log, process)
        process.terminate()
        process.wait(10)


def _address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        _, found, rest = log.read_text().partition("sandbox on ")
        if found and "\n" in rest:
            return rest.partition("\n")[0]
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError("the sandbox did not start")
