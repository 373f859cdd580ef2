"""Notifications beside one sandbox for the whole session; the service itself runs for all tests of a file."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from support.keys import Keyring
from support.notifications.parts import SANDBOX
from support.notifications.stage import Merchant, Stage, staged
from support.sandbox import Entrance, entrance, sandbox_program
from support.services import forget_streams


@pytest.fixture(scope="session")
def door() -> Iterator[Entrance]:
    with entrance("x-hub-signature-256") as door:
        yield door


@pytest.fixture(scope="session")
def sandbox_url(door: Entrance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with sandbox_program(log, WHATSAPP_WEBHOOK_URL=door.url, **SANDBOX) as url:
        yield url


@pytest.fixture(scope="session")
def own_redis_url(redis_url: str) -> str:
    forget_streams(redis_url, "whatsinvoice.payments.v1", "whatsinvoice.invoices.v1")
    return redis_url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    migrated: dict[str, str], own_redis_url: str, keyring: Keyring, sandbox_url: str, door: Entrance
) -> AsyncIterator[Stage]:
    backing = {"database_url": migrated["notifications"], "redis_url": own_redis_url}
    async with staged(backing, keyring, sandbox_url, door) as stage:
        yield stage
        await stage.leave_nothing_due()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(service: Stage) -> AsyncIterator[Stage]:
    """The running service, with an empty invoices beside it and a sandbox without faults."""
    service.invoices.reset()
    service.auth.reset()
    yield service
    await service.fault()


@pytest_asyncio.fixture(loop_scope="module")
async def merchant(stage: Stage) -> Merchant:
    return await stage.a_merchant()
