"""The four services behind the gateway, for the tests of one module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.backing import S3
from support.house import PAYSTACK_KEY, House, housed
from support.keys import Keyring
from support.sandbox import sandbox_program


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    migrated: dict[str, str], redis_url: str, s3: S3, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with sandbox_program(log, PAYSTACK_SECRET_KEY=PAYSTACK_KEY) as sandbox_url:
        async with housed(migrated, redis_url, s3, keyring, sandbox_url) as house:
            yield house
