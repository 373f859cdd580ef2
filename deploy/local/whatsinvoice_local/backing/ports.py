"""Free TCP ports on 127.0.0.1, and remembering them so that a restarted server keeps its address.

A port is chosen seconds before its server listens, and whoever else chooses meanwhile, for another part or another
stack, finds it free as well. So a process that chooses a port promises it, for as long as the process lives.
"""

import json
import random
import socket
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from whatsinvoice_local.backing.processes import BackingError

# Below Linux's range for outgoing connections (32768 up), so that none of those takes a port between picking and use.
_CANDIDATES = range(15_000, 32_000)
_TRIES = 200

_promised: set[int] = set()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def promise(port: int) -> bool:
    """Keep a port from all others who choose; False where another process has promised it and still lives.

    The promise is an abstract Unix socket of that name: no file, seen by every user, gone with its process.
    """
    if port in _promised:
        return True
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0whatsinvoice-port-{port}")
    except OSError:
        mark.close()
        return False
    mark.detach()  # left open on purpose: the end of the process closes it
    _promised.add(port)
    return True


def free_port(taken: Collection[int | None] = ()) -> int:
    """Give a port nobody listens on and nobody has been promised; not one of `taken`, nor one given before.

    Raises:
        OSError: no free port was found.
    """
    for _ in range(_TRIES):
        port = random.choice(_CANDIDATES)  # noqa: S311  a port is no secret
        if port not in taken and port not in _promised and is_free(port) and promise(port):
            return port
    raise OSError("no free port on 127.0.0.1")


def known_ports(file: Path) -> dict[str, int]:
    """Return the ports of the last start, empty before the first.

    Raises:
        BackingError: the file is broken; the message says how to repair it.
    """
    if not file.exists():
        return {}
    try:
        ports = json.loads(file.read_text())
    except ValueError:
        ports = None
    if not isinstance(ports, dict) or not all(type(port) is int for port in ports.values()):
        repair = f"run `make down`, remove {file}, and run `make up`, which chooses ports again"
        raise BackingError(f"{file} is broken. Repair: {repair}.")
    return ports


def remembered_ports(file: Path, names: Sequence[str], wanted: Mapping[str, int | None]) -> dict[str, int]:
    """Give a port for each name: the wanted one, else the one of last time if still free, else a new one.

    The answer is written to `file`.
    """
    before = known_ports(file)
    chosen: dict[str, int] = {}
    for name in names:
        port = wanted.get(name)
        last = before.get(name)
        taken = {*chosen.values(), *wanted.values()}
        if port is None:
            kept = last is not None and last not in taken and is_free(last) and promise(last)
            port = last if last is not None and kept else free_port(taken)
        chosen[name] = port
    file.write_text(json.dumps(chosen))
    return chosen
