"""Postgres, Redis and S3 for tests: from the environment, else containers when asked for, else embedded parts."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import whatsinvoice_local.backing as embedded

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

# As deploy/local runs it; inside a container it listens on that container's own addresses, of which 127.0.0.1 is the
# one by which its parts find each other, and only the S3 port is published.
_SEAWEEDFS = (
    "mini",
    "-disableHttp",
    "-ip=127.0.0.1",
    "-ip.bind=0.0.0.0",
    "-master.telemetry=false",
    "-webdav=false",
    "-admin.ui=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
)
_S3_PORT = 8333


@dataclass(frozen=True)
class S3:
    """An object store and the keys to it."""

    endpoint: str
    access_key: str
    secret_key: str


def _containers() -> bool:
    return os.environ.get("TEST_BACKING") == "containers"


def _publish(container: "DockerContainer", port: int) -> None:
    """At a free port of 127.0.0.1, where testcontainers alone would take every address of the machine."""
    container.ports[str(port)] = ("127.0.0.1", None)  # type: ignore[assignment]  # docker's own form, passed on as it is


def _address(container: "DockerContainer", port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A superuser's address: DATABASE_URL, or postgres:15 in a container, or the embedded one; both without fsync."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
    elif _containers():
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415  (only where asked for)

        container = PostgresContainer("postgres:15-bookworm", password=secrets.token_hex(16), driver=None)
        container.with_command("postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off")
        _publish(container, 5432)
        with container:
            yield container.get_connection_url()
    else:
        yield embedded.start_postgres(folder, fast=True).admin_url
        embedded.stop_postgres(folder)
        embedded.discard_postgres(folder)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """An address: REDIS_URL, or redis:7 in a container, or the embedded Valkey; both append to a file."""
    if url := os.environ.get("REDIS_URL"):
        yield url
    elif _containers():
        # testcontainers' own RedisContainer leaves the connections by which it asks for readiness to the collector
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415  (only where asked for)
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415

        password = secrets.token_hex(16)
        container = DockerContainer("redis:7-bookworm")
        container.with_command(f"redis-server --requirepass {password} --appendonly yes --maxmemory-policy noeviction")
        container.waiting_for(LogMessageWaitStrategy("Ready to accept connections").with_startup_timeout(60))
        _publish(container, 6379)
        with container:
            yield f"redis://:{password}@{_address(container, 6379)}/0"
    else:
        yield embedded.start_valkey(folder).url
        embedded.stop_valkey(folder)


@contextmanager
def s3(folder: Path) -> Iterator[S3]:
    """A store: S3_ENDPOINT with S3_ACCESS_KEY and S3_SECRET_KEY, or SeaweedFS in a container, or the embedded one."""
    if endpoint := os.environ.get("S3_ENDPOINT"):
        yield S3(endpoint, os.environ["S3_ACCESS_KEY"], os.environ["S3_SECRET_KEY"])
    elif _containers():
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415  (only where asked for)
        from testcontainers.core.wait_strategies import HttpWaitStrategy  # noqa: PLC0415

        access_key, secret_key = secrets.token_hex(10).upper(), secrets.token_urlsafe(30)
        store = DockerContainer("chrislusf/seaweedfs:latest").with_command(list(_SEAWEEDFS))
        store.with_envs(AWS_ACCESS_KEY_ID=access_key, AWS_SECRET_ACCESS_KEY=secret_key)
        store.waiting_for(HttpWaitStrategy(_S3_PORT, "/healthz").with_startup_timeout(60))
        _publish(store, _S3_PORT)
        with store:
            yield S3(f"http://{_address(store, _S3_PORT)}", access_key, secret_key)
    else:
        server = embedded.start_seaweedfs(folder)
        yield S3(server.endpoint, server.access_key, server.secret_key)
        embedded.stop_seaweedfs(folder)


def host_and_port(url: str) -> tuple[str, int]:
    """Of an address that names both."""
    parts = urlparse(url)
    return str(parts.hostname), int(parts.port or 0)
