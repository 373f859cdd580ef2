"""Run each mutant's tests in a forked process, several at once, within a time that follows from the unchanged tests."""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from proofs.mutants import child
from proofs.mutants.sample import Module, Mutant
from support.root import ROOT

GRACE = 20.0
"""Seconds that a child has to end its servers after a SIGINT."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: `killed`, `timeout` (killed too) or `survived`; the test that failed, or nothing."""

    outcome: str
    seconds: float
    test: str = ""


@dataclass
class _Running:
    mutant: Mutant
    pid: int
    slot: int
    began: float


class Judge:
    """Judges mutants in `workers` slots, each of which has a folder and a place in servers that stay up."""

    def __init__(self, workers: int, folder: Path) -> None:
        self._folder = folder
        self._workers = workers
        self._allowed: dict[tuple[str, ...], float] = {}
        self._servers: subprocess.Popen[str] | None = None
        self._places: list[dict[str, str]] = []
        for slot in range(workers):
            (folder / str(slot)).mkdir()

    def stop(self) -> None:
        """Stop the servers, if any were started: they end when their stdin is closed."""
        if self._servers:
            self._servers.communicate()

    def _place(self, slot: int, tests: tuple[str, ...]) -> dict[str, str] | None:
        """Return a place in the servers, which start with the first module whose tests need them."""
        if not any("/integration/" in path for path in tests):
            return None
        if self._servers is None:
            command = [sys.executable, "-m", "proofs.mutants.places", str(self._workers)]
            env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._servers = subprocess.Popen(command, cwd=ROOT, env=env, stdin=-1, stdout=-1, text=True)
            if self._servers.stdout is None:
                raise RuntimeError("the servers have no output")
            self._places = [json.loads(self._servers.stdout.readline()) for _ in range(self._workers)]
        return self._places[slot]

    def warm_up(self, module: Module) -> None:
        """Run the module's tests unchanged, note their time, and import what they import from elsewhere.

        Raises:
            RuntimeError: the unchanged tests fail, so they can judge nothing.
        """
        if module.tests in self._allowed:
            return
        for _ in range(2):  # the first time imports; the second shows the time that a mutant's tests take
            began = time.monotonic()
            status = os.waitpid(self._fork(module.tests, 0, None, 600), 0)[1]
            if status != 0:
                raise RuntimeError(f"unchanged, {module.tests} fail:\n{self._output(0)}")
            self._allowed[module.tests] = 30 + 4 * (time.monotonic() - began)
            for name in (self._folder / "0" / "modules.txt").read_text().split():
                if name not in sys.modules:
                    with contextlib.suppress(Exception):
                        importlib.import_module(name)

    def judged(self, mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, Verdict]]:
        """Yield a verdict for each mutant, as they come."""
        waiting, running = list(reversed(mutants)), list[_Running]()
        while waiting or running:
            free = set(range(self._workers)) - {piece.slot for piece in running}
            while waiting and free:
                running.append(self._started(waiting.pop(), free.pop()))
            for piece in list(running):
                verdict = self._ended(piece)
                if verdict:
                    running.remove(piece)
                    yield piece.mutant, verdict
            time.sleep(0.01)

    def _started(self, mutant: Mutant, slot: int) -> _Running:
        module = mutant.module
        if module.name in sys.modules:
            raise RuntimeError(f"{module.name} was imported before the fork: no test would see its mutants")
        finder = child.Finder(module.name, ROOT / module.path, mutant.mutated())
        seconds = int(self._allowed[module.tests])
        return _Running(mutant, self._fork(module.tests, slot, finder, seconds), slot, time.monotonic())

    def _fork(self, tests: tuple[str, ...], slot: int, finder: child.Finder | None, seconds: int) -> int:
        place = self._place(slot, tests)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            with always_exiting():
                child.run(tests, place, self._folder / str(slot), finder, seconds)
        return pid

    def _ended(self, piece: _Running) -> Verdict | None:
        seconds = time.monotonic() - piece.began
        pid, status = os.waitpid(piece.pid, os.WNOHANG)
        if pid:
            _end(piece.pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(status)
            if code == 0:
                return Verdict("survived", seconds)
            return Verdict("killed" if code > 0 else "timeout", seconds, self._failed(piece.slot))
        if seconds > 2 * self._allowed[piece.mutant.module.tests]:
            _end(piece.pid, signal.SIGINT)
            if not _waited(lambda: os.waitpid(piece.pid, os.WNOHANG)[0] != 0):
                _end(piece.pid, signal.SIGKILL)
                os.waitpid(piece.pid, 0)
            return Verdict("timeout", seconds)
        return None

    def _failed(self, slot: int) -> str:
        lines = self._output(slot).splitlines()
        return next((line.split()[1] for line in lines if line.startswith(("FAILED tests", "ERROR tests"))), "")

    def _output(self, slot: int) -> str:
        return (self._folder / str(slot) / "output.txt").read_text(errors="replace")


@contextlib.contextmanager
def always_exiting() -> Iterator[None]:
    """End a forked child whatever happens in it, so that it never goes on as a second parent."""
    try:
        yield
    except BaseException:  # noqa: BLE001  (whatever it is, this process is no second parent)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(70)


def _end(group: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, sign)


def _waited(ended: Callable[[], bool]) -> bool:
    until = time.monotonic() + GRACE
    while time.monotonic() < until:
        if ended():
            return True
        time.sleep(0.05)
    return False


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for outputs and servers; the account that Postgres runs under must reach it."""
    made = tempfile.TemporaryDirectory(prefix="whatsinvoice-mutants-", ignore_cleanup_errors=True)
    Path(made.name).chmod(0o755)
    return made
