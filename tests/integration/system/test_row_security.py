"""Row-level security: what a transaction sees is decided by who is calling, and Postgres holds to it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import insert, select
from sqlalchemy.exc import ProgrammingError
from whatsinvoice_invoices.models import BUSINESSES, COUNTERS, KIT_TABLES
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.rpc.call import Call, Identity, serving

SERVICES = ("auth", "invoices", "payments", "notifications")
TENANT_TABLES = """
    SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
        (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)
    FROM pg_class c
    WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' AND c.relname <> 'outbox' AND (
        c.relname = 'businesses'
        OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'business_id')
    )
"""


@pytest.fixture
async def unit_of_work(migrated: dict[str, str]) -> AsyncIterator[UnitOfWork]:
    """One connection alone, so that each transaction gets what the one before it left behind."""
    engine = make_engine(migrated["invoices"], pool_size=1, application="tenancy")
    yield UnitOfWork(engine, KIT_TABLES.outbox)
    await engine.dispose()


@pytest.fixture
async def two(unit_of_work: UnitOfWork) -> tuple[str, str]:
    """Two businesses with a counter each."""
    ids = new_id("biz"), new_id("biz")
    async with unit_of_work.begin() as tx:
        await tx.execute(insert(COUNTERS), [{"business_id": one, "kind": "invoice", "last": 1} for one in ids])
    return ids


@contextmanager
def as_user(business_id: str) -> Iterator[None]:
    with serving(Call(identity=Identity("user", "usr_1", business_id))):
        yield


async def seen(tx: Transaction, of: tuple[str, ...]) -> set[str]:
    statement = select(COUNTERS.c.business_id)
    return set((await tx.execute(statement)).scalars()) & set(of)


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_with_a_business_has_the_policy(migrated: dict[str, str], service: str) -> None:
    with psycopg.connect(migrated[service]) as connection:
        found = connection.execute(TENANT_TABLES, [service]).fetchall()
    assert found
    assert [row for row in found if row[1:] != (True, 1)] == []


async def test_a_caller_sees_her_business_alone(unit_of_work: UnitOfWork, two: tuple[str, str]) -> None:
    for business_id in (*two, *two):
        with as_user(business_id):
            async with unit_of_work.begin() as tx:
                assert await seen(tx, two) == {business_id}
            async with unit_of_work.read() as tx:
                assert await seen(tx, two) == {business_id}


async def test_what_rolls_back_leaves_nobodys_view_behind(unit_of_work: UnitOfWork, two: tuple[str, str]) -> None:
    first, second = two
    with as_user(first):
        async with unit_of_work.read() as tx:
            assert await seen(tx, two) == {first}
    with as_user(second), pytest.raises(RuntimeError):
        async with unit_of_work.begin():
            raise RuntimeError("undone")
    for business_id in (second, first):
        with as_user(business_id):
            async with unit_of_work.read() as tx:
                assert await seen(tx, two) == {business_id}


@pytest.mark.parametrize(
    ("identity", "sees_all"),
    [
        (Identity("service", "gateway"), True),
        (Identity("service", "payments", "biz_of_nobody"), False),
        (Identity("user", "usr_1"), False),
        (Identity("user", "usr_1", "*"), False),
        (None, False),
    ],
    ids=["a service for nobody", "a service for another", "a user without a business", "a user named *", "unproven"],
)
async def test_only_services_acting_for_nobody_see_all(
    unit_of_work: UnitOfWork, two: tuple[str, str], identity: Identity | None, sees_all: bool
) -> None:
    with serving(Call(identity=identity)):
        async with unit_of_work.begin() as tx:
            assert await seen(tx, two) == (set(two) if sees_all else set())
        async with unit_of_work.read() as tx:
            assert await seen(tx, two) == (set(two) if sees_all else set())


async def test_background_work_and_what_is_a_persons_see_all(unit_of_work: UnitOfWork, two: tuple[str, str]) -> None:
    async with unit_of_work.begin() as tx:
        assert await seen(tx, two) == set(two)
    with as_user(two[0]):
        async with unit_of_work.across_businesses().read() as tx:
            assert await seen(tx, two) == set(two)
        async with unit_of_work.read() as tx:
            assert await seen(tx, two) == {two[0]}


async def test_nothing_is_written_into_another_business(unit_of_work: UnitOfWork, two: tuple[str, str]) -> None:
    mine, other = two
    row: dict[str, Any] = {"name": "Theirs", "country": "NG", "currency": "NGN", "time_zone": "Africa/Lagos"}
    with as_user(mine):
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with unit_of_work.begin() as tx:
                await tx.execute(insert(BUSINESSES).values(id=other, phone="", version=1, **row))
        async with unit_of_work.begin() as tx:
            hidden = await tx.execute(COUNTERS.update().where(COUNTERS.c.business_id == other).values(last=99))
            assert hidden.rowcount == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_connection_that_says_nothing_sees_nothing(
    migrated: dict[str, str], service: str, two: tuple[str, str]
) -> None:
    assert two
    with psycopg.connect(migrated[service]) as connection:
        for table, *_ in connection.execute(TENANT_TABLES, [service]).fetchall():
            statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(service, table))
            assert connection.execute(statement).fetchone() == (0,), table
