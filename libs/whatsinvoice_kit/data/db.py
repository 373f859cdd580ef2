"""The engine of a service: pool and timeouts, set once."""

import re
import time
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Connection, MetaData, event
from sqlalchemy.engine import Dialect, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.observe import telemetry

STATEMENT_TIMEOUT_S = 15
LOCK_TIMEOUT_S = 5
IDLE_TIMEOUT_S = 30
PING_AFTER_S = 1.0
AWAY = ("08", "53", "57P", "25006")
"""SQLSTATEs of a server that is gone, full, going down or read-only. A timeout or deadlock is the caller's own."""

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+(\w+\.\w+)")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def service_metadata(schema: str) -> MetaData:
    """The metadata of one service's tables: its schema, and constraint names that migrations can rely on."""
    return MetaData(schema=schema, naming_convention=NAMES)


def make_engine(url: str, *, pool_size: int, application: str) -> AsyncEngine:
    """An asynchronous psycopg 3 engine; statements end after 15 s, waits for locks after 5 s.

    A connection that rested for a second is pinged before use; one that dies in use costs that request a retry.
    """
    options = " ".join(
        f"-c {name}={seconds * 1000}"
        for name, seconds in (
            ("statement_timeout", STATEMENT_TIMEOUT_S),
            ("lock_timeout", LOCK_TIMEOUT_S),
            ("idle_in_transaction_session_timeout", IDLE_TIMEOUT_S),
        )
    )
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # they are customers' names, phones and tokens
        connect_args={"options": options, "application_name": application, "connect_timeout": 5},
    )
    event.listen(engine.sync_engine, "handle_error", _hide_values)
    if telemetry.exporting():
        event.listen(engine.sync_engine, "before_cursor_execute", _note_start)
        event.listen(engine.sync_engine, "after_cursor_execute", _tell_statement)
        event.listen(engine.sync_engine, "handle_error", _tell_failure)
    event.listen(engine.sync_engine, "checkin", _note_return)
    event.listen(engine.sync_engine, "checkout", partial(_ping_rested, engine.dialect))
    return engine


def _hide_values(context: ExceptionContext) -> None:
    """Postgres writes the row into its DETAIL and CONTEXT lines; the first line names what was violated."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if isinstance(context.original_exception, psycopg.Error) and error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


def _note_start(connection: Connection, *_: Any) -> None:
    connection.info["began"] = telemetry.moment()


def _tell_statement(connection: Connection, _: Any, statement: str, *__: Any, error: str = "") -> None:
    """A span of the statement: what it does and to which table, never what it says."""
    if began := connection.info.pop("began", 0):
        verb, found = statement.split(maxsplit=1)[0].upper(), _TABLE.search(statement)
        table = found[1] if found else ""
        attributes = {"db.system.name": "postgresql", "db.operation.name": verb, "db.collection.name": table}
        telemetry.record(began, f"{verb} {table}".rstrip(), "client", attributes, error)


def _tell_failure(context: ExceptionContext) -> None:
    if context.connection is not None and context.statement is not None:
        error = type(context.original_exception).__name__
        _tell_statement(context.connection, None, context.statement, error=error)


def _note_return(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["returned"] = time.monotonic()


def _ping_rested(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """SQLAlchemy's own pre-ping asks before every use, which for a read by key is half of its round trips."""
    if time.monotonic() - record.info.get("returned", time.monotonic()) < PING_AFTER_S:
        return
    try:
        dialect.do_ping(connection)
    except psycopg.Error as error:
        raise DisconnectionError("the pooled connection had died") from error


def is_away(error: BaseException) -> bool:
    """Whether the database could not have done it for anybody: no connection to be had, or it is going down."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeout)
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
    return error.connection_invalidated or state.startswith(AWAY)


def as_service_error(error: BaseException) -> ServiceError | None:
    """UNAVAILABLE when the database is away; None for any other error."""
    if not is_away(error):
        return None
    return ServiceError(Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", "the database cannot be reached now", retry_after=1)
