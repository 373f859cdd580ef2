"""The gateway in front of the real auth and invoices; payments and notifications are away unless a test needs them."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvloop
from sqlalchemy import text
from support.backing import S3
from support.builders import a_business_registered
from support.http import served
from support.keys import Keyring
from support.sample import eventually
from support.services import publish, running
from whatsinvoice_auth.__main__ import SPEC as AUTH
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.settings import Settings
from whatsinvoice_invoices.__main__ import SPEC as INVOICES
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.runtime import Process
from whatsinvoice_kit.storage import ObjectStore

NOBODY = "127.0.0.1:1"


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Connections on uvloop, which the gateway runs on: its transports are not asyncio's."""
    loop = uvloop if item.path.name == "test_connections.py" else asyncio
    return {loop.__name__: loop.new_event_loop}


@dataclass(frozen=True)
class Stack:
    """What stands behind the gateway."""

    auth: Process[Any]
    invoices: Process[Any]


@pytest.fixture
async def stack(
    migrated: dict[str, str], redis_url: str, s3: S3, bucket: str, keyring: Keyring
) -> AsyncIterator[Stack]:
    store = ObjectStore(
        endpoint=s3.endpoint, region="us-east-1", bucket=bucket, access_key=s3.access_key, secret_key=s3.secret_key
    )
    store.ensure_bucket()
    store.close()
    common = {"redis_url": redis_url, "trusted_keys": keyring.trusted}
    auth = {
        "database_url": migrated["auth"],
        "service_key": json.dumps(keyring.services["auth"]),
        "signing_keys": json.dumps([keyring.users]),
        "code_secret": secrets.token_hex(32),
        "refresh_secret": secrets.token_hex(32),
    }
    invoices = {
        "database_url": migrated["invoices"],
        "service_key": json.dumps(keyring.services["invoices"]),
        "public_base_url": "http://pay.test",
        "s3_endpoint": s3.endpoint,
        "s3_bucket": bucket,
        "s3_access_key": s3.access_key,
        "s3_secret_key": s3.secret_key,
    }
    async with running(AUTH, **common, **auth) as one, running(INVOICES, **common, **invoices) as two:
        async with one.unit_of_work.begin() as tx:  # all tests guess from one address
            await tx.execute(text("DELETE FROM auth.guesses"))
        yield Stack(one, two)


def gateway_settings(stack: Stack, redis_url: str, keyring: Keyring, /, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "app_env": "test",
        "auth_grpc": address_of(stack.auth),
        "invoices_grpc": address_of(stack.invoices),
        "payments_grpc": NOBODY,
        "notifications_grpc": NOBODY,
        "redis_url": redis_url,
        "service_key": json.dumps(keyring.services["gateway"]),
        "trusted_keys": keyring.trusted,
        "register_limit": "1000/minute",
        "login_limit": "1000/minute",
        "limit_store_seconds": 5,  # a busy machine is not a Redis that is away
    }
    return Settings(**(values | changes))


def address_of(process: Process[Any]) -> str:
    return f"127.0.0.1:{process.rpc.port if process.rpc else 0}"


@pytest.fixture
async def gateway(stack: Stack, redis_url: str, keyring: Keyring) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running gateway, without a token."""
    settings = gateway_settings(stack, redis_url, keyring)
    app = edged(create_app(settings, keyring.services["gateway"]), settings)
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture
async def business_id(stack: Stack, redis_url: str) -> str:
    """A business that invoices knows."""
    business_id = new_id("biz")
    await publish(redis_url, "whatsinvoice.auth.v1", a_business_registered(business_id))

    async def known() -> bool:
        query = text("SELECT count(*) FROM invoices.businesses WHERE id = :id")
        async with stack.invoices.unit_of_work.begin() as tx:
            return bool((await tx.execute(query, {"id": business_id})).scalar_one())

    await eventually(known)
    return business_id


@pytest.fixture
def owner(keyring: Keyring, business_id: str) -> dict[str, str]:
    """Headers of the owner's calls."""
    return {"Authorization": f"Bearer {keyring.user_token(business_id)}"}


@pytest.fixture
def settings_for(stack: Stack, redis_url: str, keyring: Keyring) -> Callable[..., Settings]:
    """Makes settings with some changed, each with a counter of its own."""

    def make(**changes: Any) -> Settings:
        return gateway_settings(stack, redis_url, keyring, **changes)

    return make
