"""One Postgres server: created once, SCRAM only, TCP on 127.0.0.1 only, under `nobody` when we are root."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from whatsinvoice_local.backing import processes
from whatsinvoice_local.backing.accounts import (
    Account,
    anyone_can_reach,
    popen_arguments,
    shared_state,
    unprivileged_account,
)
from whatsinvoice_local.backing.ports import known_ports, remembered_ports
from whatsinvoice_local.backing.postgres_programs import postgres_bin
from whatsinvoice_local.backing.processes import BackingError
from whatsinvoice_local.backing.secret_files import generated_once, write_private

_ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
)
# A test's database may be lost with the machine; waiting for the disk at every commit is what it need not do.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Postgres:
    """A running server; `programs` is the folder of its pg_dump and pg_restore."""

    pid: int
    port: int
    admin_url: str
    programs: Path


def start_postgres(
    folder: Path, port: int | None = None, *, fast: bool = False, further: Sequence[str] = ()
) -> Postgres:
    """Start the server of `folder`, or give the one that runs; `fast` gives up durability, for tests.

    `further` are lines of postgresql.conf without blanks around the equals sign.

    Raises:
        BackingError: it could not be created or did not become ready.
    """
    folder = folder.absolute()
    with processes.locked(folder):
        account = unprivileged_account()
        programs = postgres_bin(account)
        password = generated_once(folder / "password")
        process = processes.find(folder)
        if process is None:
            cluster = _cluster(folder, account)
            if not (cluster / "data").exists():
                _initdb(programs, cluster, password, account)
            chosen = remembered_ports(folder / "ports.json", ["postgres"], {"postgres": port})["postgres"]
            settings = (*_SETTINGS, f"port={chosen}", *(_FAST if fast else ()), *further)
            process = processes.spawn(
                [str(programs / "postgres"), "-D", str(cluster / "data"), *(f"--{setting}" for setting in settings)],
                folder,
                environment=_ENVIRONMENT,
                working_folder=cluster,
                account=account,
            )
        chosen = known_ports(folder / "ports.json")["postgres"]
        url = f"postgresql://postgres:{password}@127.0.0.1:{chosen}/postgres"
        processes.wait_until_ready(process, folder, lambda: _answers(url))
        return Postgres(process.pid, chosen, url, programs)


def stop_postgres(folder: Path) -> bool:
    """Stop the server, cutting its connections and writing a checkpoint; False when none ran."""
    with processes.locked(folder):
        # SIGINT is Postgres' fast shutdown; SIGTERM would wait for every client to leave by itself.
        return processes.stop(folder, ask=signal.SIGINT, deadline=30)


def discard_postgres(folder: Path) -> None:
    """Stop the server and delete the folder with its data, wherever they are kept."""
    stop_postgres(folder)
    cluster = folder / "cluster"
    if cluster.is_symlink():
        shutil.rmtree(cluster.resolve())
    shutil.rmtree(folder)


def _cluster(folder: Path, account: Account | None) -> Path:
    """Give the folder that holds the data, owned by the server's account.

    Where that account cannot reach `folder`, `cluster` is a link to a new folder in the shared state. The name there
    is random and the link its only record: a deleted and made again `folder` must not find data of another password.
    """
    cluster = folder / "cluster"
    if cluster.exists():
        return cluster.resolve()
    if account and not anyone_can_reach(folder):
        cluster.unlink(missing_ok=True)  # a link whose target is gone
        cluster.symlink_to(tempfile.mkdtemp(prefix="postgres-", dir=shared_state()))
    else:
        cluster.mkdir(mode=0o700)
    if account:
        os.chown(cluster, account.uid, account.gid)
    return cluster.resolve()


def _initdb(programs: Path, cluster: Path, password: str, account: Account | None) -> None:
    """Create the data under a draft name, so that a half-made one is never started."""
    draft, secret = cluster / "data.new", cluster / "password.new"
    shutil.rmtree(draft, ignore_errors=True)
    write_private(secret, password)
    if account:
        os.chown(secret, account.uid, account.gid)
    # The built-in provider knows Unicode on every machine; a C.UTF-8 locale of the system is not there on every one.
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    own = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-instructions")
    result = subprocess.run(  # noqa: S603  the program of our own package
        [str(programs / "initdb"), f"--pgdata={draft}", *own, *locale],
        env=_ENVIRONMENT,
        cwd=cluster,
        check=False,
        capture_output=True,
        text=True,
        **popen_arguments(account),
    )
    secret.unlink()
    if result.returncode:
        raise BackingError(f"initdb failed:\n{result.stderr}")
    draft.rename(cluster / "data")


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
