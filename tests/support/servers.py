"""One Postgres, one Redis and one S3 per run, and in each a place of its own for every xdist worker.

The controller starts the servers before the first worker and stops them after the last. A worker finds its database
(a copy of a template that is migrated once) and its Redis database in `workerinput`.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from psycopg import sql
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import owner_of, provision, role_of

from support import backing

SERVICES = ("auth", "invoices", "payments", "notifications")
TEMPLATE = "tests_template"


@dataclass(frozen=True)
class Place:
    """What one worker uses of the servers."""

    postgres_url: str
    database: str
    redis_url: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str


def password_of(service: str) -> str:
    """Return the password of a service's roles. Roles belong to the whole server, so every test uses the same one."""
    return f"{service}-of-the-tests"


def provision_all(admin_url: str, database: str) -> None:
    """Make roles and schemas of every service in one database."""
    for service in SERVICES:
        provision(admin_url, service, password_of(service), password_of(service), database)


def address(admin_url: str, service: str, database: str, *, owner: bool = False) -> str:
    """Return the address by which a service's role, or the owner of its schema, reaches a database."""
    host, port = backing.host_and_port(admin_url)
    role = owner_of(service) if owner else role_of(service)
    return f"postgresql://{role}:{password_of(service)}@{host}:{port}/{database}"


class Servers:
    """The servers of one run. They are started when the first place is asked for."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._started: tuple[str, str, backing.S3] | None = None
        self._places = 0

    def place(self) -> dict[str, str]:
        """Return a new worker's place, in the form that `workerinput` carries."""
        postgres_url, redis_url, s3 = self._start()
        self._places += 1
        database = f"tests_{self._places}"
        names = {"name": sql.Identifier(database), "template": sql.Identifier(TEMPLATE)}
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**names))
            admin.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        provision_all(postgres_url, database)
        own_redis = f"{redis_url.rpartition('/')[0]}/{self._places}"
        return asdict(Place(postgres_url, database, own_redis, s3.endpoint, s3.access_key, s3.secret_key))

    def stop(self) -> None:
        self._opened.close()

    def _start(self) -> tuple[str, str, backing.S3]:
        if self._started is None:
            folder = Path(mkdtemp(prefix="whatsinvoice-tests-"))
            folder.chmod(0o755)  # the account that Postgres runs under must reach it
            self._opened.enter_context(removed_at_the_end(folder))
            postgres_url = self._opened.enter_context(backing.postgres(folder / "postgres"))
            redis_url = self._opened.enter_context(backing.redis(folder / "redis"))
            s3 = self._opened.enter_context(backing.s3(folder / "s3"))
            provision_all(postgres_url, TEMPLATE)
            for service in SERVICES:
                migrate(f"whatsinvoice_{service}", address(postgres_url, service, TEMPLATE, owner=True))
            self._started = postgres_url, redis_url, s3
        return self._started


@contextmanager
def removed_at_the_end(folder: Path) -> Iterator[Path]:
    """Remove a folder of the test run when it is over."""
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def worker() -> str:
    """Return the name of this xdist worker, or `main` without xdist."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")
