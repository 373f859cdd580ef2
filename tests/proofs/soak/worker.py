"""Payments in two processes in the place of the stack's one, of which the worker is killed again and again."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from support.replicas import environment_of
from whatsinvoice_local.backing import processes
from whatsinvoice_local.backing.ports import free_port
from whatsinvoice_local.stack import Stack

READY_SECONDS = 60.0


class Half:
    """`--only=api` or `--only=worker`."""

    def __init__(self, only: str, environment: Mapping[str, str], log: Path) -> None:
        self._only = only
        self._ops_port = free_port()
        self._environment = {**environment, "PAYMENTS_OPS_PORT": str(self._ops_port)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "whatsinvoice_payments", f"--only={self._only}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            assert time.monotonic() < deadline, self._log.read_text()[-3000:]
            time.sleep(0.1)

    def end(self, how: signal.Signals) -> None:
        """Waits until it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(READY_SECONDS)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._ops_port}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False


class MortalWorker:
    """Kills the worker `every` so many seconds after it was ready, and starts it again at once."""

    def __init__(self, worker: Half, every: float) -> None:
        self.killed = 0
        self._worker = worker
        self._every = every
        self._spared = threading.Event()
        self._killing = threading.Thread(target=self._kill, daemon=True)

    def start(self) -> None:
        self._killing.start()

    def spare(self) -> None:
        """It lives from now on."""
        self._spared.set()
        if self._killing.is_alive():
            self._killing.join()

    def _kill(self) -> None:
        while not self._spared.wait(self._every):
            self._worker.end(signal.SIGKILL)
            self.killed += 1
            self._worker.start()
            self._worker.await_ready()


@contextmanager
def mortal_payments(stack: Stack, every: float, settings: Mapping[str, str]) -> Iterator[MortalWorker]:
    """`settings` are further ones of payments."""
    environment = environment_of(int(stack.state.env["PAYMENTS_PID"])) | dict(settings)
    processes.stop(stack.state.home("payments"), deadline=30)
    log = stack.state.folder / "logs" / "payments-halves.log"
    halves = [Half(only, environment, log) for only in ("api", "worker")]
    worker = MortalWorker(halves[1], every)
    try:
        for half in halves:
            half.start()
        for half in halves:
            half.await_ready()
        yield worker
    finally:
        worker.spare()
        for half in halves:
            half.end(signal.SIGTERM)
