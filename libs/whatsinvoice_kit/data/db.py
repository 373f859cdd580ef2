"""The engine of a service: pool and timeouts, set once."""

import psycopg
from sqlalchemy import MetaData, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

STATEMENT_TIMEOUT_S = 15
LOCK_TIMEOUT_S = 5
IDLE_TIMEOUT_S = 30

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

    A connection that died while pooled is noticed by ping before use.
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
        pool_pre_ping=True,
        hide_parameters=True,  # they are customers' names, phones and tokens
        connect_args={"options": options, "application_name": application, "connect_timeout": 5},
    )
    event.listen(engine.sync_engine, "handle_error", _hide_values)
    return engine


def _hide_values(context: ExceptionContext) -> None:
    """Postgres writes the row into its DETAIL and CONTEXT lines; the first line names what was violated."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if isinstance(context.original_exception, psycopg.Error) and error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])
