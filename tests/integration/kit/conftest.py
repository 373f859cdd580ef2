"""A database and a Redis for the kit's own tests, which they may empty, stop and start."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from support.sample import METADATA, Pipeline
from whatsinvoice_kit.config.redis_address import RedisAddress
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_local.backing import start_valkey, stop_valkey


@pytest.fixture(scope="session")
def sample_database(postgres_url: str) -> Iterator[str]:
    """The address of a database that only the kit's tests use."""
    name = f"kit_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{postgres_url.rpartition('/')[0]}/{name}"
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def sample_url(sample_database: str) -> str:
    """The same, emptied for one test."""
    with psycopg.connect(sample_database, autocommit=True) as owner:
        owner.execute("DROP SCHEMA IF EXISTS sample CASCADE")
    return sample_database


@pytest.fixture
async def engine(sample_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(sample_url, pool_size=5, application="sample")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE SCHEMA sample"))
        await connection.run_sync(METADATA.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Path]:
    """The folder of a Valkey that belongs to this test alone: it may be emptied, stopped and started."""
    start_valkey(tmp_path / "valkey")
    yield tmp_path / "valkey"
    stop_valkey(tmp_path / "valkey")


@pytest.fixture
async def pipeline(engine: AsyncEngine, own_redis: Path) -> AsyncIterator[Pipeline]:
    """Outbox, relay, stream and one consumer, not yet running."""
    pipeline = Pipeline(engine, RedisAddress.parse(start_valkey(own_redis).url))
    yield pipeline
    await pipeline.close()
