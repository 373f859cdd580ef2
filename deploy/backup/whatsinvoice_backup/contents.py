"""What is in the databases at one moment: a snapshot of each server, counts and checksums, and the ledger's anchors."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from whatsinvoice_backup.failures import BackupError
from whatsinvoice_backup.manifest import Contents, Ledger, Table

_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY relname
"""
# A row as text looks alike everywhere once these are set.
_OPTIONS = "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1"
_SUMS = """
    SELECT account || ' ' || currency, sum(amount_minor)::bigint FROM payments.ledger_entries GROUP BY 1 ORDER BY 1
"""
_HEADS = """
    COPY (
        SELECT business_id || ' ' || position || ' ' || encode(hash, 'hex') FROM payments.ledger_heads
        WHERE position > 0 ORDER BY business_id COLLATE "C"
    ) TO STDOUT
"""
_LEDGER = """
    COPY (
        SELECT id, business_id, entry_set_id, purpose, account, currency, amount_minor, payment_id, invoice_id
        FROM payments.ledger_entries ORDER BY id COLLATE "C"
    ) TO STDOUT
"""

_LOCK = "SELECT pg_{}(hashtextextended('whatsinvoice:backup', 0))"


@dataclass(frozen=True, slots=True)
class Server:
    """One server's snapshot, for as long as its connection stays open."""

    url: str
    services: list[str]
    connection: "psycopg.Connection[Any]"
    snapshot: str


@contextmanager
def alone(url: str) -> Iterator[None]:
    """One backup at a time: two that copied one document at once would each name a copy that the other wrote over.

    Raises:
        BackupError: another one is being made.
    """
    with psycopg.connect(url, autocommit=True, application_name="whatsinvoice_backup") as connection:
        if connection.execute(_LOCK.format("try_advisory_lock")).fetchone() != (True,):
            raise BackupError("another backup is being made")
        try:
            yield
        finally:  # a server notices the end of a connection late; one that was lost meanwhile holds nothing
            with suppress(psycopg.OperationalError):
                connection.execute(_LOCK.format("advisory_unlock"))


@contextmanager
def snapshots(addresses: Mapping[str, str]) -> Iterator[tuple[datetime, list[Server]]]:
    """The moment, and a snapshot of every server; services of one server are seen at one moment.

    Of two servers the moments are milliseconds apart. An event may then be in one and not in the other, and is
    delivered again or dropped as seen: outboxes keep 14 days, inboxes as long.
    """
    with ExitStack() as opened:
        servers = []
        moment = datetime.now(UTC)
        for url in dict.fromkeys(addresses.values()):
            connection = opened.enter_context(
                psycopg.connect(url, options=_OPTIONS, application_name="whatsinvoice_backup")
            )
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _require_sight(connection)
            [snapshot] = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
            services = [service for service, address in addresses.items() if address == url]
            servers.append(Server(url, services, connection, snapshot))
        yield moment, servers


def _require_sight(connection: "psycopg.Connection[Any]") -> None:
    row = connection.execute("SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row != (True,):
        raise BackupError("the role does not see every row: row-level security applies to it (BYPASSRLS is needed)")


def read_contents(servers: list[Server]) -> Contents:
    """As of the snapshots. Reads every row once."""
    heads: dict[str, str] = {}
    tables: dict[str, dict[str, Table]] = {}
    ledger: Ledger | None = None
    for server in servers:
        for service in server.services:
            names = [name for (name,) in server.connection.execute(_TABLES, [service])]
            if "alembic_version" not in names:
                raise BackupError(f"the schema {service} has no tables")
            tables[service] = {name: _table(server.connection, service, name) for name in names}
            heads[service] = _head(server.connection, service)
            if service == "payments":
                ledger = _ledger(server.connection)
    if ledger is None:
        raise BackupError("no server has the ledger")
    return Contents(heads, tables, ledger)


def read_heads(servers: list[Server]) -> bytes:
    """Where the chain of each business ends, as of the snapshots: lines of `<business id> <position> <hash>`.

    They are what the audit of payments takes as an anchor.
    """
    return b"".join(_heads(server.connection) for server in servers if "payments" in server.services)


def _heads(connection: "psycopg.Connection[Any]") -> bytes:
    with connection.cursor() as cursor, cursor.copy(_HEADS) as lines:
        return b"".join(bytes(line) for line in lines)


def _table(connection: "psycopg.Connection[Any]", schema: str, name: str) -> Table:
    """The sum of the hashes of its rows as text: whatever their order, one changed character is another sum."""
    statement = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} AS t")
    rows, checksum = connection.execute(statement.format(sql.Identifier(schema, name))).fetchone() or (0, "")
    return Table(rows, checksum)


def _head(connection: "psycopg.Connection[Any]", schema: str) -> str:
    statement = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(schema, "alembic_version"))
    return " ".join(sorted(revision for (revision,) in connection.execute(statement)))


def _ledger(connection: "psycopg.Connection[Any]") -> Ledger:
    """All entries by id, hashed in the form of COPY; an entry left out, added or changed gives another hash."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor, cursor.copy(_LEDGER) as lines:
        for line in lines:
            digest.update(line)
    found = dict(connection.execute(_SUMS).fetchall())
    row = connection.execute(
        "SELECT count(*), coalesce(max(id COLLATE \"C\"), '') FROM payments.ledger_entries"
    ).fetchone()
    entries, last_id = row or (0, "")
    if sum(found.values()):
        raise BackupError("the ledger does not sum to zero; nothing is saved over a good backup")
    heads = _heads(connection)
    return Ledger(entries, last_id, digest.hexdigest(), found, heads.count(b"\n"), hashlib.sha256(heads).hexdigest())
