"""The one place that commits. One request, or one message, is one transaction; what others must hear goes with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import CursorResult, Executable, Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from whatsinvoice_kit.events.outbox import Event, as_row


class Transaction:
    """An open transaction: runs statements and collects the events that are to leave with its commit."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.events: list[Event] = []

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Runs a statement; with a list of parameters, once for each."""
        return await self.connection.execute(statement, parameters)

    def publish(self, event: Event) -> None:
        """Puts a serialised event into the outbox, in this transaction."""
        self.events.append(event)

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
    """Opens transactions of one service."""

    def __init__(self, engine: AsyncEngine, outbox: Table) -> None:
        self.engine = engine
        self._outbox = outbox

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A transaction that commits at the end of the block and rolls back when the block raises."""
        async with self.engine.begin() as connection:
            transaction = Transaction(connection)
            yield transaction
            if transaction.events:
                await connection.execute(insert(self._outbox), [as_row(event) for event in transaction.events])
