"""Transactions, idempotency, the engine and the walls between schemas, on a real Postgres."""

import asyncio
import secrets
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Column, MetaData, Table, Text, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from support.backing import host_and_port
from support.sample import EFFECTS, TABLES, an_event
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.data.db import as_service_error, make_engine
from whatsinvoice_kit.data.idempotency import Idempotency
from whatsinvoice_kit.data.provision import provision
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.events.outbox import serialised
from whatsinvoice_kit.observe.telemetry import continue_trace
from whatsinvoice_kit.rpc.call import Call, Identity, serving

Work = Callable[[Transaction], Awaitable[PaymentFailed]]


@pytest.fixture
def unit_of_work(engine: AsyncEngine) -> UnitOfWork:
    return UnitOfWork(engine, TABLES.outbox)


async def count(unit_of_work: UnitOfWork, table: Table) -> int:
    async with unit_of_work.begin() as tx:
        return int((await tx.execute(select(func.count()).select_from(table))).scalar_one())


async def test_what_raises_leaves_neither_row_nor_event(unit_of_work: UnitOfWork) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012  (the block is the transaction)
        async with unit_of_work.begin() as tx:
            await tx.execute(insert(EFFECTS).values(event_id="a"))
            tx.publish(serialised(an_event()))
            raise RuntimeError
    assert await count(unit_of_work, EFFECTS) == 0
    assert await count(unit_of_work, TABLES.outbox) == 0


async def test_a_savepoint_fails_alone_with_its_events(unit_of_work: UnitOfWork) -> None:
    kept, dropped, later = an_event(), an_event(), an_event()
    async with unit_of_work.begin() as tx:
        tx.publish(serialised(kept))
        with pytest.raises(ValueError, match="alone"):  # noqa: PT012  (the block is the savepoint)
            async with tx.savepoint():
                await tx.execute(insert(EFFECTS).values(event_id="x"))
                tx.publish(serialised(dropped))
                raise ValueError("alone")
        async with tx.savepoint():
            tx.publish(serialised(later))
    async with unit_of_work.begin() as tx:
        found = set((await tx.execute(select(TABLES.outbox.c.event_id))).scalars())
    assert found == {kept.event_id, later.event_id}
    assert await count(unit_of_work, EFFECTS) == 0


async def test_an_event_belongs_to_the_trace_in_which_it_was_published(unit_of_work: UnitOfWork) -> None:
    traces = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2)]
    async with unit_of_work.begin() as tx:
        for trace in traces:
            continue_trace(trace)
            tx.publish(serialised(an_event()))
    async with unit_of_work.begin() as tx:
        rows = (
            (await tx.execute(select(TABLES.outbox.c.traceparent).order_by(TABLES.outbox.c.sequence))).scalars().all()
        )
    assert rows == traces


class Keyed:
    """A write RPC under idempotency keys."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self.unit_of_work = unit_of_work
        self.idempotency = Idempotency(unit_of_work, TABLES.idempotency)

    async def call(
        self, key: str, *, body: str = "a", business: str = "biz_1", method: str = "/x/Create", work: Work | None = None
    ) -> tuple[str, bool]:
        """The answer, and whether it was an earlier one."""

        async def effect(tx: Transaction) -> PaymentFailed:
            event_id = secrets.token_hex(8)
            await tx.execute(insert(EFFECTS).values(event_id=event_id))
            await asyncio.sleep(0.02)
            return PaymentFailed(event_id=event_id)

        request = PaymentFailed(reason=body)
        with serving(Call(method=method, idempotency_key=key, identity=Identity("user", "usr_1", business))) as call:
            answer = await self.idempotency.once(request, PaymentFailed, work or effect)
        return answer.event_id, call.replayed


@pytest.fixture
def keyed(unit_of_work: UnitOfWork) -> Keyed:
    return Keyed(unit_of_work)


async def test_a_hundred_parallel_calls_under_one_key_have_one_effect(sample_url: str, keyed: Keyed) -> None:
    async def one() -> str | None:
        try:
            return (await keyed.call("k"))[0]
        except ServiceError as error:
            assert (error.kind, error.reason) == (Kind.ABORTED, "IDEMPOTENCY_KEY_IN_USE")  # noqa: PT017  (either will do)
            return None

    answers = [answer for answer in await asyncio.gather(*(one() for _ in range(100))) if answer is not None]
    assert len(set(answers)) == 1
    assert await count(keyed.unit_of_work, EFFECTS) == 1
    assert await keyed.call("k") == (answers[0], True)


async def test_the_same_key_with_another_body_is_refused(keyed: Keyed) -> None:
    first, replayed = await keyed.call("k", body="a")
    assert not replayed
    with pytest.raises(ServiceError) as error:
        await keyed.call("k", body="b")
    assert (error.value.kind, error.value.reason) == (Kind.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED")
    assert await keyed.call("k", body="a") == (first, True)


async def test_a_key_belongs_to_one_tenant_and_one_rpc(keyed: Keyed) -> None:
    calls = [await keyed.call("k", business=b, method=m) for b in ("biz_1", "biz_2") for m in ("/x/A", "/x/B")]
    assert len({answer for answer, _ in calls}) == 4
    assert not any(replayed for _, replayed in calls)


async def test_an_error_is_not_kept(keyed: Keyed) -> None:
    async def fails(tx: Transaction) -> PaymentFailed:
        await tx.execute(insert(EFFECTS).values(event_id="x"))
        raise ServiceError(Kind.FAILED_PRECONDITION, "NOT_YET", "not yet")

    with pytest.raises(ServiceError):
        await keyed.call("k", work=fails)
    assert await count(keyed.unit_of_work, EFFECTS) == 0
    assert (await keyed.call("k"))[1] is False


async def test_without_a_key_each_call_is_its_own(keyed: Keyed) -> None:
    assert (await keyed.call(""))[0] != (await keyed.call(""))[0]
    assert await count(keyed.unit_of_work, TABLES.idempotency) == 0


async def test_a_connection_that_died_while_it_rested_costs_no_later_query(
    postgres_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_kit.data.db.PING_AFTER_S", 0.0)
    async with engine.connect() as connection:
        pid = (await connection.execute(select(func.pg_backend_pid()))).scalar_one()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        assert admin.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone() == (True,)
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.pg_backend_pid()))).scalar_one() != pid


async def test_timeouts_are_set_on_every_connection(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        for name, expected in (
            ("statement_timeout", "15s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "30s"),
            ("application_name", "sample"),
        ):
            assert (await connection.execute(text(f"SHOW {name}"))).scalar_one() == expected


async def test_a_statement_that_takes_too_long_is_ended(sample_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whatsinvoice_kit.data.db.STATEMENT_TIMEOUT_S", 1)
    engine = make_engine(sample_url, pool_size=2, application="hasty")
    with pytest.raises(OperationalError, match="statement timeout"):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(10)"))
    await engine.dispose()


PEOPLE = Table(
    "people", MetaData(schema="sample"), Column("phone", Text, unique=True), Column("name", Text, nullable=False)
)


@pytest.fixture
async def people(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as connection:
        await connection.run_sync(PEOPLE.create)
        await connection.execute(insert(PEOPLE).values(phone="secret-phone", name="Secret Name"))
    return engine


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"phone": "secret-phone", "name": "Secret Name"}, "uq_people_phone|people_phone_key"),
        ({"phone": "secret-other", "name": None}, "name"),
        ({"phone": "secret\x00", "name": "x"}, "NUL"),
    ],
)
async def test_an_error_names_the_rule_and_not_the_values(
    people: AsyncEngine, values: dict[str, str], named: str
) -> None:
    with pytest.raises((DBAPIError, psycopg.Error), match=named) as error:
        async with people.begin() as connection:
            await connection.execute(insert(PEOPLE).values(**values))
    assert "secret" not in "".join(traceback.format_exception(error.value)).lower()
    assert error.value.__cause__ is None or "secret" not in str(error.value.__cause__).lower()


async def test_the_constraint_can_still_be_asked_for(people: AsyncEngine) -> None:
    with pytest.raises(DBAPIError) as error:
        async with people.begin() as connection:
            await connection.execute(insert(PEOPLE).values(phone="secret-phone", name="x"))
    assert isinstance(error.value.orig, psycopg.Error)
    assert error.value.orig.sqlstate == "23505"
    assert error.value.orig.diag.constraint_name == "people_phone_key"


def test_two_runners_of_one_migration_are_one(postgres_url: str) -> None:
    name = f"kit_{secrets.token_hex(4)}"
    host, port = host_and_port(postgres_url)
    with ThreadPoolExecutor(4) as pool:  # provisioning too may run twice at once
        password = "auth-of-the-tests"
        list(pool.map(lambda _: provision(postgres_url, "auth", password, password, name), range(4)))
    url = f"postgresql://whatsinvoice_auth_owner:auth-of-the-tests@{host}:{port}/{name}"
    program = "import sys; from whatsinvoice_kit.data.migrations import migrate; migrate(*sys.argv[1:])"
    runners = [subprocess.Popen([sys.executable, "-c", program, "whatsinvoice_auth", url]) for _ in range(2)]
    assert [runner.wait(30) for runner in runners] == [0, 0]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM auth.alembic_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM auth.outbox").fetchone() == (0,)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM invoices.outbox",
        "INSERT INTO invoices.inbox (event_id, event_type) VALUES ('a', 'b')",
        "CREATE TABLE invoices.mine (id int)",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine (id int)",
        "SET ROLE whatsinvoice_invoices",
        "SET ROLE whatsinvoice_auth_owner",
        "CREATE TABLE auth.mine (id int)",
        "ALTER TABLE auth.outbox ADD COLUMN mine int",
        "ALTER TABLE auth.businesses DISABLE ROW LEVEL SECURITY",
        "DROP POLICY one_business ON auth.businesses",
        "DROP TABLE auth.outbox",
        "DROP SCHEMA auth CASCADE",
        "TRUNCATE auth.outbox",
        "DROP SCHEMA invoices CASCADE",
    ],
)
def test_a_role_has_its_own_schema_and_nothing_else(migrated: dict[str, str], statement: str) -> None:
    assert migrated["invoices"]
    with psycopg.connect(migrated["auth"]) as connection:
        assert connection.execute("SELECT count(*) >= 0 FROM auth.outbox").fetchone() == (True,)
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)) as error:
            connection.execute(statement.encode())
    assert error.value.sqlstate == "42501"


async def test_an_update_within_the_transaction_is_seen_at_once(unit_of_work: UnitOfWork) -> None:
    async with unit_of_work.begin() as tx:
        await tx.execute(insert(EFFECTS), [{"event_id": "a"}, {"event_id": "b"}])
        assert (await tx.execute(update(EFFECTS).values(event_id="c"))).rowcount == 2


async def test_an_absent_database_is_unavailable_and_no_secret() -> None:
    engine = make_engine("postgresql://nobody:secret@127.0.0.1:1/nowhere", pool_size=2, application="lost")
    with pytest.raises(OperationalError) as lost:
        await engine.connect()
    error = as_service_error(lost.value)
    assert error is not None
    assert (error.kind, error.reason) == (Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE")
    assert "secret" not in error.message
    assert as_service_error(ValueError()) is None
    await engine.dispose()
