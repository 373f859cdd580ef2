"""Free TCP ports on 127.0.0.1, and remembering them so that a restarted server keeps its address."""

import json
import random
import socket
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

# Below Linux's range for outgoing connections (32768 up), so that none of those takes a port between picking and use.
_CANDIDATES = range(15_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int | None] = ()) -> int:
    """Give a port nobody listens on; not one of `taken`, which are promised but not yet in use.

    Raises:
        OSError: no free port was found.
    """
    for _ in range(_TRIES):
        port = random.choice(_CANDIDATES)  # noqa: S311  a port is no secret
        if port not in taken and is_free(port):
            return port
    raise OSError("no free port on 127.0.0.1")


def known_ports(file: Path) -> dict[str, int]:
    """Give the ports of the last start, empty before the first."""
    ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
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
            port = last if last is not None and last not in taken and is_free(last) else free_port(taken)
        chosen[name] = port
    file.write_text(json.dumps(chosen))
    return chosen
