"""Which rows break a rule about invoices. Every question is about a list of ids, so each costs as much as its list."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, select, text
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_invoices.domain.breach import Breach
from whatsinvoice_invoices.models import COUNTERS, INVOICES, RECEIPTS, REVERSALS

_PAID = text("""
    SELECT i.business_id, ARRAY[i.id] AS ids, 'is ' || i.status || ' with ' || i.amount_paid_minor || ' of '
        || i.total_minor || ' paid, ' || i.refunded_minor || ' refunded and ' || i.credit_minor
        || ' as credit, and its receipts come to ' || r.applied - b.applied || ', ' || b.refunded || ' and '
        || r.credit - b.credit AS said
    FROM invoices.invoices i, LATERAL (
        SELECT coalesce(sum(amount_minor - credit_minor), 0) AS applied, coalesce(sum(credit_minor), 0) AS credit
        FROM invoices.receipts WHERE invoice_id = i.id
    ) r, LATERAL (
        SELECT coalesce(sum(from_applied_minor) FILTER (WHERE reopens), 0) AS applied,
            coalesce(sum(from_applied_minor) FILTER (WHERE NOT reopens), 0) AS refunded,
            coalesce(sum(from_credit_minor), 0) AS credit
        FROM invoices.reversals WHERE invoice_id = i.id
    ) b
    WHERE i.id = ANY(:ids) AND (
        i.amount_paid_minor <> r.applied - b.applied
        OR i.refunded_minor <> b.refunded OR i.credit_minor <> r.credit - b.credit
        OR (i.status IN ('open', 'partially_paid', 'paid')
            AND (i.status = 'paid') <> (i.amount_paid_minor >= i.total_minor AND i.amount_paid_minor > 0))
    )
""")
# Numbers are drawn from a counter that its transaction locks, so as many were given as it has counted.
_NUMBERS = text("""
    SELECT business_id, ARRAY[kind] AS ids, 'counted to ' || last || ', and ' || given || ' have a number' AS said
    FROM invoices.counters c, LATERAL (
        SELECT CASE kind
            WHEN 'invoice' THEN (SELECT count(number) FROM invoices.invoices WHERE business_id = c.business_id)
            WHEN 'receipt' THEN (SELECT count(*) FROM invoices.receipts WHERE business_id = c.business_id)
        END AS given
    ) g
    WHERE business_id = ANY(:ids) AND last <> given
""")


async def invoices_after(tx: Transaction, invoice_id: str, limit: int) -> Sequence[str]:
    """Ids of the next invoices of all businesses."""
    statement = select(INVOICES.c.id).where(INVOICES.c.id > invoice_id).order_by(INVOICES.c.id).limit(limit)
    return (await tx.execute(statement)).scalars().all()


async def invoices_with_money_lately(tx: Transaction, limit: int) -> Sequence[str]:
    """Ids of those to which money came last, or from which it went back."""
    found = set[str]()
    for table in (RECEIPTS, REVERSALS):
        newest = select(table.c.invoice_id).order_by(table.c.id.desc()).limit(limit)
        found |= set((await tx.execute(newest)).scalars())
    return sorted(found)


async def businesses_after(tx: Transaction, business_id: str, limit: int) -> Sequence[tuple[str, int]]:
    """The next businesses that have given numbers, and how many those are."""
    counted = select(COUNTERS).where(COUNTERS.c.business_id > business_id).order_by(COUNTERS.c.business_id)
    numbers: dict[str, int] = {}
    for row in await tx.execute(counted.limit(limit)):
        numbers[row.business_id] = numbers.get(row.business_id, 0) + row.last
    return list(numbers.items())


async def of_invoices(tx: Transaction, ids: Sequence[str]) -> list[Breach]:
    """What was paid on invoices, against receipts and money that went back."""
    return await _ask(tx, "paid_mismatch", _PAID, ids=list(ids))


async def of_businesses(tx: Transaction, ids: Sequence[str]) -> list[Breach]:
    """Numbers that businesses have given. Reads an index entry of each."""
    return await _ask(tx, "numbers_gap", _NUMBERS, ids=list(ids))


async def _ask(tx: Transaction, check: str, statement: TextClause, **values: Any) -> list[Breach]:
    rows = await tx.execute(statement, values)
    return [Breach(check, row.business_id, tuple(row.ids), row.said) for row in rows]
