"""Fixtures of the integration tests."""

from support.server_fixtures import (
    backing_folder,
    bucket,
    cluster_redis,
    database,
    direct,
    keyring,
    migrated,
    postgres_url,
    provisioned,
    redis_url,
    s3,
    sentinel_redis,
    standalone_redis,
    worker_place,
)

__all__ = [
    "backing_folder",
    "bucket",
    "cluster_redis",
    "database",
    "direct",
    "keyring",
    "migrated",
    "postgres_url",
    "provisioned",
    "redis_url",
    "s3",
    "sentinel_redis",
    "standalone_redis",
    "worker_place",
]
