"""Postgres, Redis and S3 of a stack: real ones where the environment names them, embedded ones otherwise."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from whatsinvoice_kit.events.acl import configuration

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
    redis_passwords: Mapping[str, str] = field(default_factory=dict)
    """User -> password, of the embedded server; a Redis that is given has its own users."""

    def redis_url_of(self, part: str) -> str:
        """Return the address with the user of a service or the gateway."""
        if part not in self.redis_passwords:
            return self.redis_url
        return f"redis://{part}:{self.redis_passwords[part]}@{self.redis_url.rpartition('@')[2]}"


def start_resources(folder: Path, given: Mapping[str, str], passwords: Mapping[str, str]) -> Resources:
    """Start side by side what `given` does not name: DATABASE_URL, REDIS_URL, S3_ENDPOINT with its two keys.

    `passwords`: of the users that an embedded Redis is to have.

    Raises:
        BackingError: one of them did not become ready, or S3_ENDPOINT came without its keys; the others may run.
    """
    users = configuration(passwords)
    embedded = {} if given.get("REDIS_URL") else passwords
    with ThreadPoolExecutor() as threads:
        database = threads.submit(lambda: given.get("DATABASE_URL") or start_postgres(folder / "postgres").admin_url)
        redis = threads.submit(lambda: given.get("REDIS_URL") or start_valkey(folder / "valkey", users=users).url)
        storage = threads.submit(_storage, folder / "seaweedfs", given)
        options = {name: given[name] for name in _REDIS_OPTIONS if name in given}
        return Resources(database.result(), redis.result(), storage.result(), options, embedded)


def _storage(folder: Path, given: Mapping[str, str]) -> ObjectStorage:
    if endpoint := given.get("S3_ENDPOINT"):
        if missing := [name for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY") if not given.get(name)]:
            raise BackingError(f"S3_ENDPOINT is given without {' and '.join(missing)}")
        return ObjectStorage(endpoint, given["S3_ACCESS_KEY"], given["S3_SECRET_KEY"])
    store = start_seaweedfs(folder)
    return ObjectStorage(store.endpoint, store.access_key, store.secret_key)
