"""Idempotency keys: the first answer is kept in the transaction of the effect, and given again to every repeat."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol, Self, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.rpc.call import current_call

KEPT_HOURS = 30 * 24
"""Apps may be offline for long before they repeat a request."""
PATIENCE = timedelta(seconds=60)
"""After so long an act around a provider's call that has no answer may be taken over."""
UNDER_WAY = b"\0"
"""In the place of an answer; no protobuf message begins so."""


class Response(Protocol):
    """A protobuf message."""

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...  # noqa: N802  (protobuf's own name)

    @classmethod
    def FromString(cls, data: bytes, /) -> Self: ...  # noqa: N802  (protobuf's own name)


ResponseT = TypeVar("ResponseT", bound=Response)


def idempotency_table(metadata: MetaData) -> Table:
    """Answers by scope (tenant and RPC) and key."""
    table = Table(
        "idempotency_keys",
        metadata,
        Column("scope", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("request_hash", LargeBinary, nullable=False),
        Column("response", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    Index("ix_idempotency_keys_created_at", table.c.created_at)
    return table


class Idempotency:
    """Runs the work of a write RPC once per idempotency key."""

    def __init__(self, unit_of_work: UnitOfWork, table: Table) -> None:
        self._unit_of_work = unit_of_work
        self._table = table

    def across_businesses(self) -> Self:
        """The same, its work seeing every business's rows."""
        return type(self)(self._unit_of_work.across_businesses(), self._table)

    async def once(
        self, request: Response, response_type: type[ResponseT], work: Callable[[Transaction], Awaitable[ResponseT]]
    ) -> ResponseT:
        """Does the work in one transaction and gives its answer; a repeat gets the first answer and no work is done.

        Without an idempotency key in the current call the work is simply done. Errors are not kept:
        a repeat tries again.

        Raises:
            ServiceError: ABORTED (IDEMPOTENCY_KEY_IN_USE) while the first is still running,
                INVALID_ARGUMENT (IDEMPOTENCY_KEY_REUSED) for another request under the same key.
        """
        call = current_call()
        async with self._unit_of_work.begin() as tx:
            if not call.idempotency_key:
                return await work(tx)
            scope = f"{call.tenant}:{call.method}"
            digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
            stored = await self._find(tx, scope, call.idempotency_key, digest)
            if stored is not None:
                call.replayed = True
                return response_type.FromString(stored)
            response = await work(tx)
            row = {"scope": scope, "key": call.idempotency_key, "request_hash": digest}
            await tx.execute(insert(self._table).values(**row, response=response.SerializeToString()))
            return response

    async def known(self, request: Response, response_type: type[ResponseT]) -> ResponseT | None:
        """Return the answer that is kept for the current call's key, before anything else is asked; None without one.

        Raises:
            ServiceError: as `once`.
        """
        call = current_call()
        if not call.idempotency_key:
            return None
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        async with self._unit_of_work.begin() as tx:
            stored = await self._find(tx, f"{call.tenant}:{call.method}", call.idempotency_key, digest)
        if stored is None:
            return None
        call.replayed = True
        return response_type.FromString(stored)

    async def around(
        self, request: Response, response_type: type[ResponseT], act: Callable[[], Awaitable[ResponseT]]
    ) -> ResponseT:
        """Act once per key where the act calls a provider, and so cannot be one transaction.

        The key is noted first, then the act runs, then its answer is kept. A repeat meanwhile is ABORTED
        (IDEMPOTENCY_KEY_IN_USE). An act that failed, or was not heard of again for a minute, may be repeated: it must
        stand a repeat by itself, as record-intent, call, record-result does.
        """
        call = current_call()
        if not call.idempotency_key:
            return await act()
        scope = f"{call.tenant}:{call.method}"
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        async with self._unit_of_work.begin() as tx:
            stored = await self._find(tx, scope, call.idempotency_key, digest)
            if stored is None:
                row = {"scope": scope, "key": call.idempotency_key, "request_hash": digest, "response": UNDER_WAY}
                await tx.execute(insert(self._table).values(**row))
            elif stored == UNDER_WAY:
                await self._take_over(tx, scope, call.idempotency_key)
        if stored not in (None, UNDER_WAY):
            call.replayed = True
            return response_type.FromString(stored)
        try:
            response = await act()
        except BaseException:
            async with self._unit_of_work.begin() as tx:
                await tx.execute(delete(self._table).where(self._row(scope, call.idempotency_key)))
            raise
        async with self._unit_of_work.begin() as tx:
            kept = update(self._table).where(self._row(scope, call.idempotency_key))
            await tx.execute(kept.values(response=response.SerializeToString()))
        return response

    async def _take_over(self, tx: Transaction, scope: str, key: str) -> None:
        """Take an act that nobody finished; ABORTED while it may still be under way."""
        table, moment = self._table, func.clock_timestamp()
        stale = table.c.created_at < moment - PATIENCE
        taken = update(table).where(self._row(scope, key), stale).values(created_at=moment).returning(table.c.key)
        if (await tx.execute(taken)).one_or_none() is None:
            raise _in_use()

    def _row(self, scope: str, key: str) -> ColumnElement[bool]:
        return and_(self._table.c.scope == scope, self._table.c.key == key)

    async def _find(self, tx: Transaction, scope: str, key: str, digest: bytes) -> bytes | None:
        """The kept answer, if any; holds the key until the transaction ends, so that two never work at once."""
        lock = select(func.pg_try_advisory_xact_lock(func.hashtextextended(f"{scope}:{key}", 0)))
        if not (await tx.execute(lock)).scalar_one():
            raise _in_use()
        table = self._table
        statement = select(table.c.request_hash, table.c.response).where(table.c.scope == scope, table.c.key == key)
        row = (await tx.execute(statement)).one_or_none()
        if row is None:
            return None
        if row.request_hash != digest:
            message = "this idempotency key was used with another request"
            raise ServiceError(Kind.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED", message)
        return bytes(row.response)


def _in_use() -> ServiceError:
    message = "the first request with this idempotency key is still running"
    return ServiceError(Kind.ABORTED, "IDEMPOTENCY_KEY_IN_USE", message, retry_after=1)
