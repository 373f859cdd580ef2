"""Runs the sandbox until SIGTERM or SIGINT."""

import logging
import os
import signal

from .server import Server
from .settings import Settings


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("httpx", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    server = Server(Settings.from_environment(os.environ))
    for name in (signal.SIGTERM, signal.SIGINT):
        # the server raises the signal again once it has stopped; by then there is nothing left to end
        signal.signal(name, lambda *_: None)
    logging.getLogger("whatsinvoice_sandbox").info("sandbox on %s", server.address)
    server.run(sockets=[server.listener])


if __name__ == "__main__":
    main()
