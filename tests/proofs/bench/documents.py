"""What many documents cost a backup and a restore: `PYTHONPATH=tests .venv/bin/python -m load.documents 100000`.

On a small database and a store of its own, which go at the end. Prints a line for each run of the program: seconds,
seconds of its processor, and the most memory that it held. With a second word, `list`, there is no store: only the list
of so many documents is made again from what is known, to see what is the program's own.
"""

import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from integration.ops.conftest import House, Listed, a_bucket, a_database, a_house, variables
from support.backing import S3, postgres, s3
from whatsinvoice_backup.documents import mirror
from whatsinvoice_backup.index import an_index
from whatsinvoice_backup.sealing import Sealer

BYTES = 20_000
"""Of a document: an invoice of a page."""
FRESH = 1_000
"""Documents of a day, for the third backup."""


def put(house: House, first: int, count: int) -> None:
    def each(number: int) -> None:
        house.source.put(f"biz_{number % 500}/inv_{number:08}/1.pdf", secrets.token_bytes(BYTES), "application/pdf")

    with ThreadPoolExecutor(8) as threads:
        for begun in range(first, first + count, 10_000):
            list(threads.map(each, range(begun, min(begun + 10_000, first + count))))


def measured(what: str, command: str, environment: dict[str, str]) -> None:
    begun = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "whatsinvoice_backup", command],
        env=os.environ | environment | {"BACKUP_LOG_LEVEL": "warning"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    sys.stdout.write(
        f"{what}: {time.monotonic() - begun:.0f} s, processor {used.ru_utime + used.ru_stime:.0f} s, "
        f"{used.ru_maxrss / 1024:.0f} MiB; {said.strip().splitlines()[-1]}\n"
    )
    sys.stdout.flush()
    if process.returncode:
        raise SystemExit(process.returncode)


@contextmanager
def backing() -> Iterator[tuple[str, S3]]:
    with tempfile.TemporaryDirectory(prefix="whatsinvoice-load-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the account that Postgres runs under must reach it
        with postgres(folder / "postgres") as postgres_url, s3(folder / "s3") as store:
            yield postgres_url, store


def list_again(count: int) -> None:
    source, begun = Listed(count), time.process_time()
    with an_index("") as known, tempfile.TemporaryFile() as listed:
        known.add(source.lines())
        done = mirror(source, source, Sealer(""), known, listed, lambda _: None)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{done.objects} listed: processor {time.process_time() - begun:.0f} s, {used:.0f} MiB\n")


def main(count: int) -> None:
    with backing() as (postgres_url, store), a_house(postgres_url, store) as house:
        measured("nothing to copy", "run", variables(house.settings))
        put(house, 0, count)
        measured(f"{count} documents", "run", variables(house.settings))
        measured("again, none is new", "run", variables(house.settings))
        put(house, count, FRESH)
        measured(f"again, {FRESH} are new", "run", variables(house.settings))
        measured("verified", "verify", variables(house.settings))
        with a_database(postgres_url, lambda _: None) as admin_url, a_bucket(store) as (bucket, _):
            there = variables(house.settings) | {"BACKUP_DATABASE_URL": admin_url, "BACKUP_S3_BUCKET": bucket}
            measured("restored and compared", "restore", there)


if __name__ == "__main__":
    (list_again if sys.argv[2:] == ["list"] else main)(int(sys.argv[1]))
