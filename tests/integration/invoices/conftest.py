"""Invoices running on real parts."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from support.backing import S3
from support.builders import a_business_registered
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, channel_to, forget_streams, publish, running
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_invoices.__main__ import SPEC
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.runtime import Process
from whatsinvoice_kit.storage import ObjectStore

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Merchant:
    """A business that invoices knows, and the metadata of its owner's calls."""

    business_id: str
    metadata: Metadata


@pytest.fixture(scope="session")
def own_redis_url(redis_url: str) -> str:
    forget_streams(redis_url, "whatsinvoice.payments.v1", "whatsinvoice.notifications.v1")
    return redis_url


@pytest.fixture
def settings(migrated: dict[str, str], own_redis_url: str, s3: S3, bucket: str, keyring: Keyring) -> dict[str, Any]:
    """What the service is started with, by field name."""
    store = ObjectStore(
        endpoint=s3.endpoint, region="us-east-1", bucket=bucket, access_key=s3.access_key, secret_key=s3.secret_key
    )
    store.ensure_bucket()
    store.close()
    return {
        "database_url": migrated["invoices"],
        "redis_url": own_redis_url,
        "trusted_keys": keyring.trusted,
        "service_key": json.dumps(keyring.services["invoices"]),
        "public_base_url": "http://pay.test",
        "s3_endpoint": s3.endpoint,
        "s3_bucket": bucket,
        "s3_access_key": s3.access_key,
        "s3_secret_key": s3.secret_key,
        "claim_idle_ms": 300,
    }


@pytest.fixture
async def process(settings: dict[str, Any]) -> AsyncIterator[Process[Any]]:
    async with running(SPEC, **settings) as process:
        yield process


@pytest.fixture
async def invoices(process: Process[Any]) -> AsyncIterator[InvoicesServiceStub]:
    channel = channel_to(process)
    yield InvoicesServiceStub(channel)
    await channel.close()


async def a_merchant(process: Process[Any], redis_url: str, keyring: Keyring) -> Merchant:
    """A fresh business, once auth's event has been applied."""
    business_id = new_id("biz")
    await publish(redis_url, "whatsinvoice.auth.v1", a_business_registered(business_id))

    async def known() -> bool:
        query = text("SELECT count(*) FROM invoices.businesses WHERE id = :id")
        async with process.unit_of_work.begin() as tx:
            return bool((await tx.execute(query, {"id": business_id})).scalar_one())

    await eventually(known)
    return Merchant(business_id, bearer(keyring.user_token(business_id)))


@pytest.fixture
async def merchant(process: Process[Any], redis_url: str, keyring: Keyring) -> Merchant:
    return await a_merchant(process, redis_url, keyring)


@pytest.fixture
async def other_merchant(process: Process[Any], redis_url: str, keyring: Keyring) -> Merchant:
    return await a_merchant(process, redis_url, keyring)
