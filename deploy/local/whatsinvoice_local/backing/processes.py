"""Child processes that outlive their starter: started in their own session, found again and stopped by any process.

`process.json` names a process by pid, start time and boot, because a pid alone may by now belong to another program.
"""

import atexit
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from whatsinvoice_local.backing.accounts import Account, popen_arguments

LOG = "server.log"
_PID_FILE = "process.json"
_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0
_LOG_TAIL = 15
# Held until stopped: a collected Popen would warn about a child that is meant to go on.
_children: dict[int, subprocess.Popen[bytes]] = {}


@atexit.register
def _reap() -> None:
    """What ended without being asked for again is no child that goes on."""
    for child in _children.values():
        child.poll()


class BackingError(RuntimeError):
    """A backing server did not start, did not become ready or did not stop."""


@dataclass(frozen=True)
class Process:
    """One incarnation of a process: `started` is boot id and start tick, as the kernel tells them."""

    pid: int
    started: str


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder, made if absent, against another process that starts or stops the same server."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def spawn(
    command: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    working_folder: Path | None = None,
    account: Account | None = None,
) -> Process:
    """Start `command` in a session of its own, its output appended to the folder's log, and note it in the folder."""
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603  the commands are those of this package
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=working_folder,
            start_new_session=True,
            **popen_arguments(account),
        )
    finally:
        os.close(log)
    _children[child.pid] = child
    process = Process(child.pid, _started(child.pid) or "gone")
    draft = folder / f".{_PID_FILE}.new"
    draft.write_text(json.dumps(asdict(process)))
    draft.replace(folder / _PID_FILE)
    return process


def find(folder: Path) -> Process | None:
    """Give the folder's process if it still runs, and is the one that was started here."""
    file = folder / _PID_FILE
    if not file.exists():
        return None
    process = Process(**json.loads(file.read_text()))
    return process if _runs(process) else None


def wait_until_ready(process: Process, folder: Path, answers: Callable[[], bool], *, deadline: float = 30.0) -> None:
    """Poll `answers` until it says yes.

    Raises:
        BackingError: the process ended or `deadline` seconds passed, with the end of its log; it no longer runs then.
    """
    end = time.monotonic() + deadline
    while not answers():
        if not _runs(process) or time.monotonic() > end:
            stop(folder)
            raise BackingError(f"{folder.name} is not ready; {log_tail(folder)}")
        time.sleep(_POLL_SECONDS)


def log_tail(folder: Path) -> str:
    """The end of the folder's log, with its name."""
    tail = "\n".join((folder / LOG).read_text(errors="replace").splitlines()[-_LOG_TAIL:])
    return f"the end of {folder / LOG}:\n{tail}"


def stop(folder: Path, *, ask: signal.Signals = signal.SIGTERM, deadline: float = 15.0) -> bool:
    """Ask the folder's process to end and, after `deadline` seconds, kill its whole group.

    Gives False when nothing of ours was running; then nothing is signalled.

    Raises:
        BackingError: it survived even SIGKILL.
    """
    process = find(folder)
    if process:
        with suppress(ProcessLookupError):  # it may end by itself just now
            os.kill(process.pid, ask)
        if not _ended_within(process, deadline):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not _ended_within(process, _KILL_SECONDS):
                raise BackingError(f"process {process.pid} of {folder} does not end")
    (folder / _PID_FILE).unlink(missing_ok=True)
    return process is not None


def _ended_within(process: Process, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while _runs(process):
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _runs(process: Process) -> bool:
    running = _started(process.pid) == process.started
    if not running and (child := _children.pop(process.pid, None)):
        child.wait()  # at once: it has ended, and is ours to reap
    return running


def _started(pid: int) -> str | None:
    """Boot id and start tick of a pid, see proc_pid_stat(5); None when there is no such process, or only its zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field, the program's name in brackets, may itself hold blanks and brackets.
    state, *fields = stat.rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None if state in "ZX" else f"{boot}:{fields[18]}"
