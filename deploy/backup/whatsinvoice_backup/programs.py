"""pg_dump and pg_restore: of the server's major version, told of passwords by environment alone."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict

from whatsinvoice_backup.failures import BackupError

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
_RESTORING = "-c maintenance_work_mem=256MB -c synchronous_commit=off"
_WALLS = re.compile(r"^\d+; \d+ \d+ (?:ROW SECURITY|POLICY) ")
_ERRORS = 3


class Programs:
    """Those of a folder, or of the PATH where it is empty."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _path(self, name: str) -> str:
        return str(Path(self._folder) / name) if self._folder else name

    def version(self) -> str:
        """As pg_dump says it: `18.6`; BackupError when there is none."""
        try:
            command = [self._path("pg_dump"), "--version"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  (our words)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BackupError(f"pg_dump cannot be run: {error}") from error
        found = re.search(r"\d+\.\d+", said)
        return found[0] if found else said.strip()

    def require(self, server: int) -> None:
        """Raises BackupError unless the programs are of the server's major version; `server` is server_version_num.

        A newer pg_dump writes what an older pg_restore may not read, and an older one refuses a newer server.
        """
        major = str(server // 10_000)
        if self.version().partition(".")[0] != major:
            raise BackupError(f"pg_dump is of version {self.version()} and the server of {major}")

    @contextmanager
    def dump(self, url: str, schema: str, snapshot: str) -> Iterator[IO[bytes]]:
        """The dump of a schema as it is written; BackupError at the end of the block when it was not written whole."""
        command = ["pg_dump", "--format=custom", "--compress=1", f"--schema={schema}", f"--snapshot={snapshot}"]
        # a table that stays locked must end the backup: it would hold back every migration behind it
        options = ["--no-owner", "--no-privileges", "--lock-wait-timeout=60s"]
        with tempfile.TemporaryFile() as said, self._started([*command, *options], url, said) as process:
            if process.stdout is None:
                raise BackupError("pg_dump has no output")
            yield process.stdout
            if process.wait():
                raise BackupError(f"pg_dump of {schema} failed: {_errors(said)}")

    def restore(self, url: str, schema: str, role: str, file: Path, jobs: int) -> None:
        """Fills the empty schema; everything will belong to `role`.

        Row-level security comes last, by itself: while foreign keys are checked as the tables' owner it would show
        her no row.
        """
        entries = self._listed(file, schema)
        walls = [entry for entry in entries if _WALLS.search(entry)]
        for part in ([entry for entry in entries if entry not in walls], walls):
            with tempfile.NamedTemporaryFile("w", suffix=".list") as chosen, tempfile.TemporaryFile() as said:
                chosen.write("\n".join(part) + "\n")
                chosen.flush()
                command = ["pg_restore", f"--use-list={chosen.name}", f"--role={role}", "--no-owner", "--no-privileges"]
                options = ["--exit-on-error", f"--jobs={jobs}", f"--dbname={_database(url)}", str(file)]
                with self._started([*command, *options], url, said, _RESTORING) as process:
                    if process.wait():
                        raise BackupError(f"pg_restore of {schema} failed: {_errors(said)}")

    def _listed(self, file: Path, schema: str) -> list[str]:
        command = [self._path("pg_restore"), "--list", f"--schema={schema}", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our words)
        if done.returncode:
            raise BackupError(f"pg_restore cannot read the dump of {schema}: {done.stderr.strip()}")
        return [line for line in done.stdout.splitlines() if line and not line.startswith(";")]

    def _started(
        self, command: Sequence[str], url: str, said: IO[bytes], settings: str = ""
    ) -> "subprocess.Popen[bytes]":
        program, *words = command
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "PGAPPNAME": "whatsinvoice_backup"}
        environment["PGOPTIONS"] = settings
        environment |= {
            variable: str(value) for name, value in _parts(url).items() if (variable := _VARIABLES.get(name))
        }
        return subprocess.Popen(  # noqa: S603  (our words)
            [self._path(program), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )


def _parts(url: str) -> dict[str, object]:
    return {name: value for name, value in conninfo_to_dict(url).items() if value is not None}


def _database(url: str) -> str:
    return str(_parts(url)["dbname"])


def _errors(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").splitlines()
    return " ".join([line for line in lines if "error:" in line][:_ERRORS] or lines[:_ERRORS])
