"""Postgres, Redis and S3 of a stack: real ones where the environment names them, embedded ones otherwise."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from whatsinvoice_local.backing import (
    BackingError,
    start_postgres,
    start_seaweedfs,
    start_valkey,
    stop_postgres,
    stop_seaweedfs,
    stop_valkey,
)

STOP: Mapping[str, Callable[[Path], bool]] = {
    "postgres": stop_postgres,
    "valkey": stop_valkey,
    "seaweedfs": stop_seaweedfs,
}
_REDIS_OPTIONS = ("REDIS_TLS_CA_FILE", "REDIS_SENTINEL_PASSWORD")


@dataclass(frozen=True)
class ObjectStorage:
    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    bucket: str = "whatsinvoice-documents"


@dataclass(frozen=True)
class Resources:
    """`database_url` is a superuser's; `redis_options` are the settings beside REDIS_URL, of a Redis that is given."""

    database_url: str
    redis_url: str
    storage: ObjectStorage
    redis_options: Mapping[str, str] = field(default_factory=dict)


def start_resources(folder: Path, given: Mapping[str, str]) -> Resources:
    """Starts side by side what `given` does not name: DATABASE_URL, REDIS_URL, S3_ENDPOINT with its two keys.

    Raises:
        BackingError: one of them did not become ready, or S3_ENDPOINT came without its keys; the others may run.
    """
    with ThreadPoolExecutor() as threads:
        database = threads.submit(lambda: given.get("DATABASE_URL") or start_postgres(folder / "postgres").admin_url)
        redis = threads.submit(lambda: given.get("REDIS_URL") or start_valkey(folder / "valkey").url)
        storage = threads.submit(_storage, folder / "seaweedfs", given)
        options = {name: given[name] for name in _REDIS_OPTIONS if name in given}
        return Resources(database.result(), redis.result(), storage.result(), options)


def _storage(folder: Path, given: Mapping[str, str]) -> ObjectStorage:
    if endpoint := given.get("S3_ENDPOINT"):
        if missing := [name for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY") if not given.get(name)]:
            raise BackingError(f"S3_ENDPOINT is given without {' and '.join(missing)}")
        return ObjectStorage(endpoint, given["S3_ACCESS_KEY"], given["S3_SECRET_KEY"])
    store = start_seaweedfs(folder)
    return ObjectStorage(store.endpoint, store.access_key, store.secret_key)
