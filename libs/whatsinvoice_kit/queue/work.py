"""The `work` table of a service, and the only statements that read or write it.

A row is one piece of work, unique by (kind, key). Adding it again raises its generation; finishing deletes the row only
when the generation is still the one that was claimed, so news that arrives during the work is worked too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, MetaData, Table, Text, func, text
from sqlalchemy.dialects.postgresql import insert

from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.observe.telemetry import current_traceparent

FAR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewWork:
    """Work to add. `order_key`: pieces of one kind with the same order key are worked one after the other."""

    kind: str
    key: str
    order_key: str = ""
    business_id: str = ""
    delay: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Work that one worker holds until its lease ends. `attempts` counts the claims, this one included.

    `lost`: the worker before held it until its lease ended, and mostly died with it. This counts among `failures`.
    """

    kind: str
    key: str
    business_id: str
    attempts: int
    failures: int
    generation: int
    added_at: datetime
    traceparent: str
    lost: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of one kind waits, and the age in seconds of the oldest piece that is due."""

    kind: str
    waiting: int
    oldest_seconds: float


def work_table(metadata: MetaData) -> Table:
    """Return the table; its migration is `migrations.create_work_tables`."""
    moment = DateTime(timezone=True)
    table = Table(
        "work",
        metadata,
        Column("kind", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("sequence", BigInteger, Identity(always=True), nullable=False),
        Column("order_key", Text, nullable=False, server_default=""),
        Column("business_id", Text, nullable=False, server_default=""),
        Column("run_at", moment, nullable=False, server_default=func.clock_timestamp()),
        Column("leased_until", moment),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("failures", Integer, nullable=False, server_default="0"),
        Column("generation", BigInteger, nullable=False, server_default="1"),
        Column("error", Text, nullable=False, server_default=""),
        Column("traceparent", Text, nullable=False, server_default=""),
        Column("added_at", moment, nullable=False, server_default=func.clock_timestamp()),
    )
    Index("ix_work_kind_run_at", table.c.kind, table.c.run_at)
    Index(
        "ix_work_kind_order_key_sequence",
        table.c.kind,
        table.c.order_key,
        table.c.sequence,
        postgresql_where=table.c.order_key != "",
    )
    return table


async def add(tx: Transaction, table: Table, pieces: Sequence[NewWork]) -> None:
    """Add work in the transaction that makes it necessary. It is due at the commit, or after its delay."""
    if not pieces:
        return
    rows = [
        {
            "kind": piece.kind,
            "key": piece.key,
            "order_key": piece.order_key,
            "business_id": piece.business_id,
            "run_at": func.clock_timestamp() + piece.delay,
            "traceparent": current_traceparent(),
        }
        for piece in pieces
    ]
    statement = insert(table).values(rows)
    again = {
        "generation": table.c.generation + 1,
        "run_at": func.least(table.c.run_at, statement.excluded.run_at),
    }
    await tx.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_=again))


async def claim(
    tx: Transaction, table: Table, kind: str, lease: timedelta, limit: int, *, lost: bool = True
) -> Sequence[Claimed]:
    """Claim work that is due, the longest due first. Another worker gets it when the lease ends.

    With `lost`, claim besides one piece whose lease ended before it was finished or given back.
    """
    statement = text(f"""
        WITH fresh AS ({_due(table, "w.leased_until IS NULL", "limit")}),
        lost AS ({_due(table, "w.leased_until <= clock_timestamp()", "lost")}),
        due AS (SELECT *, false AS lost FROM fresh UNION ALL SELECT *, true FROM lost)
        UPDATE {table.fullname} w SET leased_until = clock_timestamp() + :lease, attempts = w.attempts + 1,
            failures = w.failures + due.lost::int
        FROM due WHERE w.kind = due.kind AND w.key = due.key
        RETURNING w.kind, w.key, w.business_id, w.attempts, w.failures, w.generation, w.added_at, w.traceparent,
            due.lost
    """)  # noqa: S608  the table's name is our own
    rows = await tx.execute(statement, {"kind": kind, "lease": lease, "limit": limit, "lost": int(lost)})
    return [Claimed(**row._mapping) for row in rows]  # noqa: SLF001  SQLAlchemy's documented name of a row as a mapping


def _due(table: Table, lease: str, limit: str) -> str:
    """Return the statement that locks due work by the state of its lease, the first of each order key."""
    return f"""
        SELECT w.kind, w.key FROM {table.fullname} w
        WHERE w.kind = :kind AND w.run_at <= clock_timestamp() AND {lease} AND (w.order_key = '' OR NOT EXISTS (
            SELECT FROM {table.fullname} earlier
            WHERE earlier.kind = w.kind AND earlier.order_key = w.order_key AND earlier.sequence < w.sequence
        ))
        ORDER BY w.run_at LIMIT :{limit} FOR UPDATE OF w SKIP LOCKED
    """  # noqa: S608  as above


async def finish(tx: Transaction, table: Table, piece: Claimed) -> None:
    """Remove finished work. What was added again meanwhile stays, and is due at once."""
    statement = text(f"""
        WITH done AS (
            DELETE FROM {table.fullname}
            WHERE kind = :kind AND key = :key AND attempts = :attempts AND generation = :generation
        )
        UPDATE {table.fullname}
        SET leased_until = NULL, run_at = clock_timestamp(), attempts = 0, failures = 0, error = ''
        WHERE kind = :kind AND key = :key AND attempts = :attempts AND generation <> :generation
    """)  # noqa: S608  as above
    names = {"kind": piece.kind, "key": piece.key, "attempts": piece.attempts, "generation": piece.generation}
    await tx.execute(statement, names)


async def postpone(
    tx: Transaction, table: Table, piece: Claimed, wait: timedelta, error: str, *, failed: bool = False
) -> None:
    """Give work back, due after a wait; at once when it was added again meanwhile."""
    statement = text(f"""
        UPDATE {table.fullname} SET leased_until = NULL, error = :error, failures = failures + :failed,
            run_at = clock_timestamp() + CASE generation WHEN :generation THEN :wait ELSE interval '0' END
        WHERE kind = :kind AND key = :key AND attempts = :attempts
    """)  # noqa: S608  as above
    names = {"kind": piece.kind, "key": piece.key, "attempts": piece.attempts, "generation": piece.generation}
    await tx.execute(statement, {**names, "wait": wait, "error": error[:200], "failed": int(failed)})


async def seconds_until_due(tx: Transaction, table: Table, kind: str) -> float:
    """Return how long until the next piece of a kind may be claimed."""
    statement = text(f"""
        SELECT extract(epoch FROM min(greatest(run_at, leased_until)) - clock_timestamp()) FROM {table.fullname}
        WHERE kind = :kind
    """)  # noqa: S608  as above
    found = (await tx.execute(statement, {"kind": kind})).scalar_one()
    return FAR.total_seconds() if found is None else max(0.0, float(found))


async def measure(tx: Transaction, table: Table) -> Sequence[Depth]:
    """Return the depth of every kind that has work."""
    statement = text(f"""
        SELECT kind, count(*) AS waiting,
            coalesce(extract(epoch FROM clock_timestamp() - min(run_at) FILTER (WHERE run_at <= clock_timestamp())), 0)
                AS oldest_seconds
        FROM {table.fullname} GROUP BY kind
    """)  # noqa: S608  as above
    return [Depth(row.kind, row.waiting, float(row.oldest_seconds)) for row in await tx.execute(statement)]
