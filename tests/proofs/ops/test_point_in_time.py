"""Point in time: with the lines of deploy/backup/archive.conf a server goes back to the moment before a mistake."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from support.root import ROOT
from whatsinvoice_local.backing import discard_postgres, start_postgres
from whatsinvoice_local.backing.accounts import unprivileged_account
from whatsinvoice_local.backing.postgres import Postgres

CONFIGURATION = ROOT / "deploy" / "backup" / "archive.conf"
TIMEOUT_SECONDS = 2
"""In the place of the 60 s that are configured."""


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that the account Postgres runs under can reach."""
    folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-test-"))
    folder.chmod(0o755)
    (folder / "wal").mkdir()
    give_away(folder / "wal")
    yield folder
    for name in ("first", "second"):
        discard_postgres(folder / name)
    shutil.rmtree(folder)


def give_away(folder: Path) -> None:
    """To the account of the server."""
    if account := unprivileged_account():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.gid)


def configured(archive: Path) -> list[str]:
    lines = re.findall(r"^(\w+) = (.*)$", CONFIGURATION.read_text(), re.MULTILINE)
    settings = {name: value.strip("'").replace("/mnt/wal", str(archive)) for name, value in lines}
    assert settings["archive_timeout"] == "60s"
    settings["archive_timeout"] = f"{TIMEOUT_SECONDS}s"
    return [f"{name}={value}" for name, value in settings.items()]


def base_backup(server: Postgres, target: Path, password: Path) -> None:
    """Into the data folder of a server that was never started."""
    target.joinpath("cluster").mkdir(parents=True)
    shutil.copy(password, target / "password")
    command = [str(server.programs / "pg_basebackup"), "--checkpoint=fast", f"--pgdata={target}/cluster/data"]
    subprocess.run([*command, f"--dbname={server.admin_url}"], check=True, capture_output=True)
    target.joinpath("cluster", "data").chmod(0o700)
    give_away(target / "cluster")


def archived_after(connection: "psycopg.Connection[tuple[object, ...]]", seconds: float) -> float:
    """How long until what is committed now lies in the archive."""
    row = connection.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").fetchone()
    assert row
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        if connection.execute("SELECT last_archived_wal >= %s FROM pg_stat_archiver", row).fetchone() == (True,):
            return time.monotonic() - begun
        time.sleep(0.05)
    raise AssertionError("it was not archived")


def test_a_server_goes_back_to_the_moment_before_a_mistake(base: Path, figure: Callable[[str], None]) -> None:
    server = start_postgres(base / "first", further=configured(base / "wal"))
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE paid (id int PRIMARY KEY)")
        base_backup(server, base / "second", base / "first" / "password")
        connection.execute("INSERT INTO paid SELECT generate_series(1, 1000)")
        [moment] = connection.execute("SELECT clock_timestamp()::text").fetchone() or ("",)
        time.sleep(0.05)
        connection.execute("DELETE FROM paid WHERE id > 10")
        waited = archived_after(connection, 30)
    figure(f"a commit lies in the archive {waited:.1f} s later with an archive_timeout of {TIMEOUT_SECONDS} s")
    (base / "second" / "cluster" / "data" / "recovery.signal").touch()
    give_away(base / "second" / "cluster")
    begun = time.monotonic()
    recovery = [
        f"restore_command=cp {base}/wal/%f %p",
        f"recovery_target_time={moment}",
        "recovery_target_action=promote",
    ]
    second = start_postgres(base / "second", further=recovery)
    with psycopg.connect(second.admin_url, autocommit=True) as connection:
        while connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
            assert time.monotonic() < begun + 30
            time.sleep(0.05)
        assert connection.execute("SELECT count(*) FROM paid").fetchone() == (1000,)
        connection.execute("INSERT INTO paid VALUES (1001)")
    figure(f"recovery to a point in time took {time.monotonic() - begun:.1f} s")
