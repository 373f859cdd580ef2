"""`make bench SIZES=1`: what one invoice, from message to receipt, leaves in Postgres and Redis (docs/capacity.md).

Rows and their bytes are counted around one play of the demo's story. What indexes and pages add is taken from a stack
filled with 20,000 invoices, table by table, since on a few rows it would be mostly empty pages.
"""

import secrets
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql
from whatsinvoice_kit.data.provision import DATABASE
from whatsinvoice_local.demo.play import STEPS, play
from whatsinvoice_local.fill import fill

sys.path.insert(0, str(Path(__file__).parents[2]))
from proofs.bench.bench import stack
from support.redis_server import Server

FILLED, EVENTS, EVENT_BYTES = 20_000, 100_000, 500
FEWEST = 1_000
"""Rows from which on a table says what indexes and pages add; for the others it is the mean of those."""
KEPT = {"outbox": "14 days", "inbox": "30 days", "inbound_messages": "30 days", "inbound_statuses": "30 days"}
KEPT |= {"idempotency_keys": "a day"}


class Held(NamedTuple):
    rows: int
    bytes: int
    on_disk: int


def held(connection: "psycopg.Connection[tuple[int, ...]]") -> dict[str, Held]:
    """By schema and table."""
    found = {}
    tables = connection.execute("SELECT schemaname, relname, relid FROM pg_stat_user_tables ORDER BY 1, 2").fetchall()
    for schema, name, relation in tables:
        statement = sql.SQL("SELECT count(*), coalesce(sum(pg_column_size(t)), 0)::bigint FROM {} AS t")
        rows, size = connection.execute(statement.format(sql.Identifier(str(schema), str(name)))).fetchone() or (0, 0)
        [on_disk] = connection.execute("SELECT pg_total_relation_size(%s::oid)", [relation]).fetchone() or (0,)
        found[f"{schema}.{name}"] = Held(rows, size, on_disk)
    return found


def postgres() -> None:
    with stack() as (made, _):
        url = made.state.env["DATABASE_URL"].rpartition("/")[0] + f"/{DATABASE}"
        with psycopg.connect(url, autocommit=True) as connection:
            play(made.state, lambda _: None, STEPS[:-2])  # another merchant, so that nothing is made for the first time
            before = held(connection)
            play(made.state, lambda _: None, STEPS[:-2])
            after = held(connection)
            fill(url, FILLED)
            report(before, after, held(connection))


def report(before: dict[str, Held], after: dict[str, Held], filled: dict[str, Held]) -> None:
    known = {name: found.on_disk / found.bytes for name, found in filled.items() if found.rows >= FEWEST}
    mean = sum(known.values()) / len(known)
    sums: dict[str, tuple[int, float]] = {}
    for name, now in after.items():
        rows, size = now.rows - before[name].rows, now.bytes - before[name].bytes
        if rows > 0 and not name.startswith("auth."):
            on_disk = size * known.get(name, mean)
            print(f"{name:36} {rows:4} rows {size:7,} bytes, with indexes {on_disk:8,.0f}")  # noqa: T201  (its output)
            kept = KEPT.get(name.partition(".")[2], "for good")
            so_far = sums.get(kept, (0, 0.0))
            sums[kept] = so_far[0] + rows, so_far[1] + on_disk
    for kept, (rows, on_disk) in sums.items():
        print(f"kept {kept}: {rows} rows, {on_disk / 1000:.1f} kB")  # noqa: T201  (its output)


def redis() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "redis", None, secrets.token_hex(16), 'save ""')
        server.start()
        try:
            with server.client() as client:
                before = client.info("memory")["used_memory"]
                pipe = client.pipeline(transaction=False)
                for _ in range(EVENTS):
                    pipe.xadd("stream", {"__data__": secrets.token_hex(EVENT_BYTES // 2)})
                pipe.execute()
                each = (client.info("memory")["used_memory"] - before) / EVENTS
            print(f"an event of {EVENT_BYTES} bytes takes {each:.0f} in Redis")  # noqa: T201  (its output)
        finally:
            server.kill()


if __name__ == "__main__":
    postgres()
    redis()
