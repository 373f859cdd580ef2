"""The ledger: balanced sets go in, entries and balances come out."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.ledger import Account, Balance, Entry, Posting, Span
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.models import LEDGER_BALANCES, LEDGER_ENTRIES


async def add_entry_set(tx: Transaction, payment: Payment, purpose: str, postings: Sequence[Posting]) -> None:
    """Writes one balanced set; the database refuses any other, and a second one of the same payment and purpose."""
    shared = {
        "business_id": payment.business_id,
        "entry_set_id": new_id("set"),
        "purpose": purpose,
        "currency": payment.currency,
        "payment_id": payment.id,
        "invoice_id": payment.invoice_id,
        "created_at": now(),
    }
    rows = [
        shared | {"id": new_id("led"), "account": posting.account.value, "amount_minor": posting.amount_minor}
        for posting in postings
    ]
    await tx.execute(insert(LEDGER_ENTRIES), rows)


async def has_entry_set(tx: Transaction, payment_id: str, purpose: str) -> bool:
    """Whether the payment has its set of this purpose."""
    found = select(LEDGER_ENTRIES.c.id).where(
        LEDGER_ENTRIES.c.payment_id == payment_id, LEDGER_ENTRIES.c.purpose == purpose
    )
    return (await tx.execute(found.limit(1))).one_or_none() is not None


async def list_entries(tx: Transaction, business_id: str, before: str, limit: int) -> Sequence[Entry]:
    """Newest first, those older than `before` when it is given."""
    table = LEDGER_ENTRIES
    statement = select(table).where(table.c.business_id == business_id)
    if before:
        statement = statement.where(table.c.id < before)
    return [_entry(row) for row in await tx.execute(statement.order_by(table.c.id.desc()).limit(limit))]


async def list_entries_oldest_first(
    tx: Transaction, business_id: str, span: Span, after: str, limit: int
) -> Sequence[Entry]:
    """Of a span, those younger than `after` when it is given."""
    table = LEDGER_ENTRIES
    statement = select(table).where(table.c.business_id == business_id, *_within(span))
    if after:
        statement = statement.where(table.c.id > after)
    return [_entry(row) for row in await tx.execute(statement.order_by(table.c.id).limit(limit))]


async def balances_before(tx: Transaction, business_id: str, span: Span, moment: datetime | None) -> Sequence[Balance]:
    """Of the span's accounts, what its entries before a moment come to; all of them without one."""
    table = LEDGER_ENTRIES
    wanted = [table.c.business_id == business_id, *_within(Span(span.account, span.currency))]
    if moment is not None:
        wanted.append(table.c.created_at < moment)
    return await _sums(tx, *wanted)


def _within(span: Span) -> list[ColumnElement[bool]]:
    table = LEDGER_ENTRIES
    wanted = []
    if span.account:
        wanted.append(table.c.account == span.account)
    if span.currency:
        wanted.append(table.c.currency == span.currency)
    if span.since is not None:
        wanted.append(table.c.created_at >= span.since)
    if span.until is not None:
        wanted.append(table.c.created_at < span.until)
    return wanted


async def balances(tx: Transaction, business_id: str) -> Sequence[Balance]:
    """Of each account and currency that has entries."""
    table = LEDGER_BALANCES
    kept = select(table).where(table.c.business_id == business_id).order_by(table.c.currency, table.c.account)
    return [Balance(Account(row.account), row.currency, row.amount_minor) for row in await tx.execute(kept)]


async def _sums(tx: Transaction, *wanted: ColumnElement[bool]) -> Sequence[Balance]:
    table = LEDGER_ENTRIES
    total = func.sum(table.c.amount_minor).label("total")
    statement = (
        select(table.c.account, table.c.currency, total)
        .where(*wanted)
        .group_by(table.c.account, table.c.currency)
        .order_by(table.c.currency, table.c.account)
    )
    return [Balance(Account(row.account), row.currency, int(row.total)) for row in await tx.execute(statement)]


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    fields = row._mapping  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    wanted: dict[str, Any] = {field.name: fields[field.name] for field in dataclasses.fields(Entry)}
    return Entry(**(wanted | {"account": Account(wanted["account"])}))
