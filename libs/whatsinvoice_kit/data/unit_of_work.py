"""The one place that commits. One request, or one message, is one transaction; what others must hear goes with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from sqlalchemy import CursorResult, Executable, Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from whatsinvoice_kit.data import tenancy
from whatsinvoice_kit.events.outbox import Event, as_row


class Transaction:
    """An open transaction: runs statements and collects the events that are to leave with its commit."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.events: list[dict[str, Any]] = []
        """Outbox rows."""

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Runs a statement; with a list of parameters, once for each."""
        return await self.connection.execute(statement, parameters)

    def publish(self, event: Event) -> None:
        """Puts a serialised event into the outbox, in this transaction, as part of the trace of this very moment."""
        self.events.append(as_row(event))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can fail alone: an exception undoes its statements and its events, and goes on up."""
        kept = len(self.events)
        try:
            async with self.connection.begin_nested():
                yield
        except BaseException:
            del self.events[kept:]
            raise


class UnitOfWork:
    """Opens transactions of one service. Each sees the rows of the business that the current call acts for."""

    def __init__(self, engine: AsyncEngine, outbox: Table, *, across: bool = False) -> None:
        self.engine = engine
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._outbox = outbox
        self._across = across

    def across_businesses(self) -> Self:
        """The same, seeing every business's rows: for what belongs to a person, and not to a business of hers."""
        return type(self)(self.engine, self._outbox, across=True)

    def _visible(self) -> str:
        return tenancy.EVERY if self._across else tenancy.visible_to_call()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A transaction that commits at the end of the block and rolls back when the block raises."""
        async with self.engine.begin() as connection:
            await tenancy.tell_transaction(connection, self._visible())
            transaction = Transaction(connection)
            yield transaction
            if transaction.events:
                await connection.execute(insert(self._outbox), transaction.events)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """Open a read-only transaction whose statements all see one moment.

        Raise RuntimeError when something was to be published.
        """
        async with self._snapshots.begin() as connection:
            await tenancy.tell_transaction(connection, self._visible())
            transaction = Transaction(connection)
            yield transaction
            if transaction.events:
                raise RuntimeError("a read cannot publish")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A look without a transaction, and so without its two round trips; each statement sees what was committed.

        Raises RuntimeError when something was to be published: nothing would carry it.
        """
        async with self._reading.connect() as connection:
            await tenancy.tell_session(connection, self._visible())
            transaction = Transaction(connection)
            yield transaction
            if transaction.events:
                raise RuntimeError("a read cannot publish")
