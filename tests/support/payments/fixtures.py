"""Payments beside one sandbox for the whole session; the service is started once for each module of tests."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from support.backing import host_and_port
from support.keys import Keyring
from support.payments.parts import SANDBOX
from support.payments.stage import Stage, staged
from support.sandbox import Entrance, entrance, sandbox_program
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import owner_of, provision, role_of

OWNER = owner_of("payments")


def share_loop_per_module(items: list[pytest.Item], folder: Path) -> None:
    """Run the async tests below `folder` in one event loop per module: the service lives as long as its module."""
    for item in items:
        if folder in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="session")
def door() -> Iterator[Entrance]:
    with entrance("x-paystack-signature") as door:
        yield door


@pytest.fixture(scope="session")
def sandbox_url(door: Entrance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with sandbox_program(log, PAYSTACK_WEBHOOK_URL=door.url, **SANDBOX) as url:
        yield url


@pytest.fixture(scope="session")
def backing(migrated: dict[str, str], redis_url: str) -> dict[str, str]:
    return {"database_url": migrated["payments"], "redis_url": redis_url}


@dataclass(frozen=True)
class Apart:
    """Books and a provider that only one module of tests writes to, so that it can count all of both."""

    backing: dict[str, str]
    sandbox_url: str
    door: Entrance


@pytest.fixture(scope="module")
def apart(postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    name, password = f"apart_{secrets.token_hex(4)}", "payments-of-the-tests"
    provision(postgres_url, "payments", password, password, name)
    host, port = host_and_port(postgres_url)
    urls = [f"postgresql://{role}:{password}@{host}:{port}/{name}" for role in (role_of("payments"), OWNER)]
    migrate("whatsinvoice_payments", urls[1])
    with (
        entrance("x-paystack-signature") as door,
        sandbox_program(tmp_path_factory.mktemp("apart") / "log", PAYSTACK_WEBHOOK_URL=door.url, **SANDBOX) as url,
    ):
        yield Apart({"database_url": urls[0], "redis_url": redis_url}, url, door)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    """Payments on the real schedule: reconciliation asks nobody before five minutes are over."""
    async with staged(backing, keyring, sandbox_url, door) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(service: Stage) -> Stage:
    """The running service, beside a provider without faults."""
    await service.no_faults()
    return service
