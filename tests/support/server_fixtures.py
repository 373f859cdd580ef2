"""Fixtures on real servers: Postgres with every service's schema, Redis, S3, and keys that services trust."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg import sql
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.observe.logging import configure_logging

from support import backing, redis_servers
from support.keys import Keyring
from support.servers import SERVICES, Place, address, provision_all, worker

configure_logging("tests", form="console", level="warning")


@pytest.fixture(scope="session")
def worker_place(request: pytest.FixtureRequest) -> Place | None:
    """This xdist worker's place in the servers of the run; None without xdist, where each fixture starts its own."""
    given = getattr(request.config, "workerinput", {}).get("worker_place")
    return Place(**given) if given else None


@pytest.fixture(scope="session")
def backing_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backing")


@pytest.fixture(scope="session")
def postgres_url(worker_place: Place | None, backing_folder: Path) -> Iterator[str]:
    """A superuser's address."""
    if worker_place:
        yield worker_place.postgres_url
        return
    with backing.postgres(backing_folder / "postgres") as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(worker_place: Place | None, backing_folder: Path) -> Iterator[str]:
    if worker_place:
        yield worker_place.redis_url
        return
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
def s3(worker_place: Place | None, backing_folder: Path) -> Iterator[backing.S3]:
    if worker_place:
        yield backing.S3(worker_place.s3_endpoint, worker_place.s3_access_key, worker_place.s3_secret_key)
        return
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
def database(worker_place: Place | None, postgres_url: str) -> Iterator[str]:
    """The name of a database made for this session."""
    if worker_place:
        yield worker_place.database
        return
    name = f"test_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield name
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def provisioned(worker_place: Place | None, postgres_url: str, database: str) -> dict[str, str]:
    """Service -> its own role's address, with its schema there but empty."""
    if worker_place is None:
        provision_all(postgres_url, database)
    return {service: address(postgres_url, service, database) for service in SERVICES}


class Migrated(dict[str, str]):
    """Service -> its own role's address; its tables are made when it is first asked for."""

    def __init__(self, postgres_url: str, database: str) -> None:
        super().__init__()
        self._at = postgres_url, database

    def __missing__(self, service: str) -> str:
        postgres_url, database = self._at
        migrate(f"whatsinvoice_{service}", address(postgres_url, service, database, owner=True))
        self[service] = address(postgres_url, service, database)
        return self[service]


@pytest.fixture(scope="session")
def migrated(
    worker_place: Place | None, postgres_url: str, database: str, provisioned: dict[str, str]
) -> dict[str, str]:
    return provisioned if worker_place else Migrated(postgres_url, database)


@pytest.fixture(scope="session")
def bucket() -> str:
    """The name of this worker's bucket."""
    return f"tests-{worker()}"


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring()
