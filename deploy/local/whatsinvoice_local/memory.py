"""How much memory a part holds: its process and all that came from it."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_KIB = 1024


def resident_bytes(pid: int) -> int:
    """Gives what is resident of the process and its descendants, pages that they share counted once.

    0 when it has ended. From VmRSS and, of descendants, RssAnon (proc_pid_status(5)): what Postgres' children map
    beside that is the buffer cache of their parent.
    """
    children: defaultdict[int, list[int]] = defaultdict(list)
    for child, parent in _parents():
        children[parent].append(child)
    total, rest = _kib(pid, "VmRSS"), list(children[pid])
    while rest:
        child = rest.pop()
        total += _kib(child, "RssAnon")
        rest += children[child]
    return total * _KIB


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            yield int(folder.name), _kib(int(folder.name), "PPid")


def _kib(pid: int, field: str) -> int:
    """A number out of a process's status, 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
