"""Fixtures for every part: the backing services, one database a session, and keys that services trust."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg import sql
from support import backing, redis_servers
from support.keys import Keyring
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import owner_of, provision, role_of
from whatsinvoice_kit.observe.logging import configure_logging

SERVICES = ("auth", "invoices", "payments", "notifications")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole stacks of tests/e2e come last: what they hold of the machine would slow the others."""
    items.sort(key=lambda item: "e2e" in item.path.parts)


_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes what a test has measured or counted; all of it is printed at the end of the run."""

    def note(text: str) -> None:
        request.config.stash.setdefault(_FIGURES, []).append(f"{request.node.nodeid}: {text}")

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures := config.stash.get(_FIGURES, []):
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(figures))


configure_logging("tests", form="console", level="warning")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def backing_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backing")


@pytest.fixture(scope="session")
def postgres_url(backing_folder: Path) -> Iterator[str]:
    """A superuser's address."""
    with backing.postgres(backing_folder / "postgres") as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(backing_folder: Path) -> Iterator[str]:
    with backing.redis(backing_folder / "redis") as url:
        yield url


@pytest.fixture(scope="session")
def standalone_redis(backing_folder: Path) -> Iterator[redis_servers.Redises]:
    """One Redis with AUTH and TLS."""
    with redis_servers.running("standalone", backing_folder / "standalone-redis") as found:
        yield found


@pytest.fixture(scope="session")
def sentinel_redis(backing_folder: Path) -> Iterator[redis_servers.Redises]:
    """A master with a replica and three Sentinels; who kills one of them mends it."""
    with redis_servers.running("sentinel", backing_folder / "sentinel-redis") as found:
        yield found


@pytest.fixture(scope="session")
def cluster_redis(backing_folder: Path) -> Iterator[redis_servers.Redises]:
    """Three masters with a replica each; who kills one of them mends it."""
    with redis_servers.running("cluster", backing_folder / "cluster-redis") as found:
        yield found


@pytest.fixture(scope="session")
def s3(backing_folder: Path) -> Iterator[backing.S3]:
    with backing.s3(backing_folder / "s3") as store:
        yield store


@pytest.fixture
def direct(s3: backing.S3) -> Iterator[Any]:
    """The same store, not through our code."""
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name="us-east-1",
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
    )
    yield client
    client.close()


@pytest.fixture(scope="session")
def database(postgres_url: str) -> Iterator[str]:
    """The name of a database made for this session."""
    name = f"test_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield name
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def provisioned(postgres_url: str, database: str) -> dict[str, str]:
    """Service -> its own role's address, with its schema there but empty."""
    host, port = backing.host_and_port(postgres_url)
    urls = {}
    for service in SERVICES:
        password = f"{service}-of-the-tests"
        provision(postgres_url, service, password, password, database)
        urls[service] = f"postgresql://{role_of(service)}:{password}@{host}:{port}/{database}"
    return urls


def as_owner(url: str, service: str) -> str:
    """The address of a service's role -> that of the schema's owner."""
    return url.replace(role_of(service), owner_of(service), 1)


class Migrated(dict[str, str]):
    """Service -> its own role's address; its tables are made when it is first asked for."""

    def __init__(self, provisioned: dict[str, str]) -> None:
        super().__init__()
        self._provisioned = provisioned

    def __missing__(self, service: str) -> str:
        migrate(f"whatsinvoice_{service}", as_owner(self._provisioned[service], service))
        self[service] = self._provisioned[service]
        return self[service]


@pytest.fixture(scope="session")
def migrated(provisioned: dict[str, str]) -> dict[str, str]:
    return Migrated(provisioned)


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring()
