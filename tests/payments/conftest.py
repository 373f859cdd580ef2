"""Payments beside one sandbox for the whole session; the service itself is started fresh for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from payments.parts import Entrance, entrance, sandbox_program
from payments.stage import Stage, staged
from support.keys import Keyring


@pytest.fixture(scope="session")
def door() -> Iterator[Entrance]:
    with entrance() as door:
        yield door


@pytest.fixture(scope="session")
def sandbox_url(door: Entrance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sandbox_program(tmp_path_factory.mktemp("sandbox") / "log", door.url) as url:
        yield url


@pytest.fixture
def backing(migrated: dict[str, str], redis_url: str) -> dict[str, str]:
    return {"database_url": migrated["payments"], "redis_url": redis_url}


@pytest.fixture
async def stage(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    """Payments on the real schedule: reconciliation asks nobody before five minutes are over."""
    async with staged(backing, keyring, sandbox_url, door) as stage:
        yield stage
