"""Postgres, Redis and S3 for tests: from the environment, else containers when asked for, else embedded parts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import whatsinvoice_local.backing as embedded


@dataclass(frozen=True)
class S3:
    """An object store and the keys to it."""

    endpoint: str
    access_key: str
    secret_key: str


def _containers() -> bool:
    return os.environ.get("TEST_BACKING") == "containers"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A superuser's address: DATABASE_URL, or postgres:15 in a container, or the embedded server without fsync."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
    elif _containers():
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415  (only where asked for)

        with PostgresContainer("postgres:15-bookworm", driver=None) as container:
            yield container.get_connection_url()
    else:
        yield embedded.start_postgres(folder, fast=True).admin_url
        embedded.stop_postgres(folder)
        embedded.discard_postgres(folder)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """An address: REDIS_URL, or redis:7 in a container, or the embedded Valkey."""
    if url := os.environ.get("REDIS_URL"):
        yield url
    elif _containers():
        from testcontainers.community.redis import RedisContainer  # noqa: PLC0415  (only where asked for)

        with RedisContainer("redis:7-bookworm", password="containers-only") as container:
            yield f"redis://:containers-only@{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    else:
        yield embedded.start_valkey(folder).url
        embedded.stop_valkey(folder)


@contextmanager
def s3(folder: Path) -> Iterator[S3]:
    """A store: S3_ENDPOINT with S3_ACCESS_KEY and S3_SECRET_KEY, or the embedded SeaweedFS.

    SeaweedFS stays embedded with TEST_BACKING=containers: the images that speak S3 differ from one registry to the
    next, and its process is the same program.
    """
    if endpoint := os.environ.get("S3_ENDPOINT"):
        yield S3(endpoint, os.environ["S3_ACCESS_KEY"], os.environ["S3_SECRET_KEY"])
    else:
        store = embedded.start_seaweedfs(folder)
        yield S3(store.endpoint, store.access_key, store.secret_key)
        embedded.stop_seaweedfs(folder)


def host_and_port(url: str) -> tuple[str, int]:
    """Of an address that names both."""
    parts = urlparse(url)
    return str(parts.hostname), int(parts.port or 0)
