"""Fixtures of the proofs tests."""

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
from support.stack_fixtures import new_module_stack, new_stack, pytest_terminal_summary, stack, stories

__all__ = [
    "backing_folder",
    "bucket",
    "cluster_redis",
    "database",
    "direct",
    "keyring",
    "migrated",
    "new_module_stack",
    "new_stack",
    "postgres_url",
    "provisioned",
    "pytest_terminal_summary",
    "redis_url",
    "s3",
    "sentinel_redis",
    "stack",
    "standalone_redis",
    "stories",
    "worker_place",
]
