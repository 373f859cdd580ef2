"""Which rows break a rule about money. Every question is about a list of ids, so each costs as much as its list."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause, select, text
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.breach import Breach
from whatsinvoice_payments.models import PAYMENTS

SHOWN = 20

_WITHOUT_ENTRIES = text("""
    SELECT p.business_id, ARRAY[p.id] AS ids, 'is ' || p.status || ' with ' || coalesce(p.settled_minor, 0)
        || ' settled, and its entries say ' || coalesce(-e.received, 0) || CASE WHEN e.owed IS NULL THEN ''
        ELSE ', of which the provider owes ' || e.owed END AS said
    FROM payments.payments p, LATERAL (
        SELECT sum(amount_minor) FILTER (WHERE account = 'receivable') AS received,
            sum(amount_minor) FILTER (WHERE account = 'paystack_clearing') AS owed
        FROM payments.ledger_entries WHERE payment_id = p.id AND purpose = 'payment'
    ) e
    WHERE p.id = ANY(:ids) AND (
        coalesce(p.settled_minor, 0) <> coalesce(-e.received, 0)
        OR (p.status = 'succeeded' AND p.settled_minor IS NULL)
        OR (p.settled_minor IS NOT NULL AND p.provider = 'paystack'
            AND coalesce(e.owed, 0) <> p.paid_minor - p.fees_minor)
    )
""")
# What went back: by a refund that is processed, a dispute that was lost, the provider alone, or an undo. What is on its
# way is in the accounts of refunds and disputes; a processed refund stays in refunds unless it reopened its invoice.
_MONEY_BACK = text("""
    SELECT p.business_id, ARRAY[p.id] || r.ids || d.ids AS ids, 'has ' || p.refunded_minor || ' back, refunds say '
        || r.through || ', disputes ' || d.lost || ', the provider ' || e.reversed || ', undone ' || e.undone
        || '; on their way are ' || r.under_way || ' and ' || d.open || ', in the books ' || e.refunds || ' and '
        || e.disputes || '; kept as refunds are ' || e.kept || ' of ' || r.kept AS said
    FROM payments.payments p, LATERAL (
        SELECT coalesce(array_agg(id ORDER BY id), '{}') AS ids,
            coalesce(sum(amount_minor) FILTER (WHERE status = 'processed'), 0) AS through,
            coalesce(sum(amount_minor) FILTER (WHERE status = 'processed' AND NOT reopen), 0) AS kept,
            coalesce(array_agg(id) FILTER (WHERE status = 'processed' AND NOT reopen), '{}') AS kept_ids,
            coalesce(sum(amount_minor) FILTER (
                WHERE provider_id IS NOT NULL AND status NOT IN ('processed', 'failed')), 0) AS under_way
        FROM payments.refunds WHERE payment_id = p.id
    ) r, LATERAL (
        SELECT coalesce(array_agg(id ORDER BY id), '{}') AS ids,
            coalesce(sum(lost_minor) FILTER (WHERE status = 'resolved'), 0) AS lost,
            coalesce(sum(amount_minor) FILTER (WHERE status <> 'resolved'), 0) AS open
        FROM payments.disputes WHERE payment_id = p.id
    ) d, LATERAL (
        SELECT coalesce(sum(amount_minor) FILTER (WHERE account = 'refunds'
                AND NOT split_part(purpose, ':', 2) = ANY(r.kept_ids)), 0) AS refunds,
            coalesce(sum(amount_minor) FILTER (WHERE account = 'refunds'
                AND split_part(purpose, ':', 2) = ANY(r.kept_ids)), 0) AS kept,
            coalesce(-sum(amount_minor) FILTER (WHERE account IN ('cash', 'bank') AND purpose = 'undo'), 0) AS undone,
            coalesce(sum(amount_minor) FILTER (WHERE account = 'disputes'), 0) AS disputes,
            coalesce(-sum(amount_minor) FILTER (
                WHERE account = 'paystack_clearing' AND purpose = 'reversed'), 0) AS reversed
        FROM payments.ledger_entries WHERE payment_id = p.id
    ) e
    WHERE p.id = ANY(:ids) AND (
        p.refunded_minor <> r.through + d.lost + e.reversed + e.undone OR r.under_way <> e.refunds
        OR d.open <> e.disputes OR e.kept NOT BETWEEN 0 AND r.kept
    )
""")
_UNALLOCATED = text("""
    SELECT p.business_id, ARRAY[p.id, p.invoice_id] AS ids, 'settled ' || p.settled_minor || ' ' || p.currency
        || ' at ' || p.updated_at || ', and invoices has not told what became of it' AS said
    FROM payments.payments p
    WHERE p.id = ANY(:ids) AND p.settled_minor IS NOT NULL AND p.updated_at < :settled_before
        AND NOT EXISTS (SELECT FROM payments.allocations a WHERE a.payment_id = p.id AND a.cause_id = '')
""")
# An invoice as it was after the newest event about it, against its payments.
_PAID = text("""
    SELECT i.business_id, ARRAY[i.invoice_id] || sums.ids AS ids, 'is ' || newest.invoice_status || ' with '
        || newest.invoice_paid_minor || ' of ' || newest.invoice_total_minor || ' paid, and its payments come to '
        || sums.applied AS said
    FROM (SELECT DISTINCT business_id, invoice_id FROM payments.allocations WHERE payment_id = ANY(:ids)) i, LATERAL (
        SELECT sum(CASE WHEN cause_id = '' THEN applied_minor WHEN reopened THEN -applied_minor ELSE 0 END) AS applied,
            max(created_at) AS heard_at, array_agg(DISTINCT payment_id) AS ids
        FROM payments.allocations a WHERE a.business_id = i.business_id AND a.invoice_id = i.invoice_id
    ) sums, LATERAL (
        SELECT * FROM payments.allocations a WHERE a.business_id = i.business_id AND a.invoice_id = i.invoice_id
        ORDER BY invoice_version DESC LIMIT 1
    ) newest
    WHERE sums.heard_at < :heard_before AND (
        newest.invoice_paid_minor <> sums.applied OR (
            newest.invoice_status IN ('open', 'partially_paid', 'paid')
            AND (newest.invoice_status = 'paid') <> (sums.applied >= newest.invoice_total_minor)
        )
    )
""")
_CREDIT = text("""
    SELECT a.business_id, ARRAY[a.payment_id] AS ids, 'left ' || a.credit || ' as credit, and its entries say '
        || e.credit AS said
    FROM (
        SELECT business_id, payment_id, sum(CASE cause_id WHEN '' THEN credit_minor ELSE -credit_minor END) AS credit
        FROM payments.allocations WHERE payment_id = ANY(:ids) GROUP BY 1, 2
    ) a, LATERAL (
        SELECT coalesce(-sum(amount_minor), 0) AS credit FROM payments.ledger_entries
        WHERE payment_id = a.payment_id AND account = 'customer_credit' AND purpose LIKE 'credit%'
    ) e
    WHERE a.credit <> e.credit
""")
_UNBALANCED = text("""
    SELECT min(business_id) AS business_id, ARRAY[entry_set_id] || array_agg(id ORDER BY id) AS ids,
        'comes to ' || sum(amount_minor) || ' in ' || count(DISTINCT (business_id, currency)) || ' books' AS said
    FROM payments.ledger_entries WHERE entry_set_id = ANY(:ids) GROUP BY entry_set_id
    HAVING sum(amount_minor) <> 0 OR count(DISTINCT (business_id, currency)) <> 1
""")
_OF_NO_PAYMENT = text("""
    SELECT business_id, ARRAY[payment_id] || array_agg(id ORDER BY id) AS ids, 'has entries and no row' AS said
    FROM payments.ledger_entries e
    WHERE entry_set_id = ANY(:ids) AND NOT EXISTS (SELECT FROM payments.payments p WHERE p.id = e.payment_id)
    GROUP BY business_id, payment_id
""")
_DRIFT = text("""
    SELECT business_id, ARRAY[account, currency] AS ids,
        'is kept as ' || coalesce(kept, 0) || ', and its entries come to ' || coalesce(total, 0) AS said
    FROM (
        SELECT business_id, account, currency, amount_minor AS kept FROM payments.ledger_balances
        WHERE business_id = ANY(:ids)
    ) b FULL JOIN (
        SELECT business_id, account, currency, sum(amount_minor) AS total FROM payments.ledger_entries
        WHERE business_id = ANY(:ids) GROUP BY 1, 2, 3
    ) e USING (business_id, account, currency)
    WHERE coalesce(kept, 0) <> coalesce(total, 0)
""")
_UNLINKED = text("""
    SELECT business_id, ARRAY[entry_set_id] || array_agg(id ORDER BY id) AS ids, 'is in no chain' AS said
    FROM payments.ledger_entries e
    WHERE business_id = ANY(:ids)
        AND NOT EXISTS (SELECT FROM payments.ledger_sets s WHERE s.entry_set_id = e.entry_set_id)
    GROUP BY business_id, entry_set_id
""")
_OUTBOX = text("""
    SELECT business_id, ARRAY[event_id, event_type] AS ids, 'waits since ' || created_at AS said
    FROM payments.outbox WHERE published_at IS NULL AND created_at < :before ORDER BY sequence LIMIT :limit
""")


async def payments_after(tx: Transaction, payment_id: str, limit: int) -> Sequence[str]:
    """Ids of the next payments of all businesses."""
    statement = select(PAYMENTS.c.id).where(PAYMENTS.c.id > payment_id).order_by(PAYMENTS.c.id).limit(limit)
    return (await tx.execute(statement)).scalars().all()


async def payments_since(tx: Transaction, moment: datetime, limit: int) -> Sequence[str]:
    """Ids of those that changed at a moment or later, the newest first."""
    changed = PAYMENTS.c.updated_at
    statement = select(PAYMENTS.c.id).where(changed >= moment).order_by(changed.desc()).limit(limit)
    return (await tx.execute(statement)).scalars().all()


async def of_payments(
    tx: Transaction, ids: Sequence[str], settled_before: datetime, heard_before: datetime
) -> list[Breach]:
    """Of payments, of what went back of them, and of their invoices as invoices told them.

    Invoices may take until `settled_before` to tell of a payment; its messages have all come by `heard_before`.
    """
    return [
        *await _ask(tx, "payment_without_entries", _WITHOUT_ENTRIES, ids=ids),
        *await _ask(tx, "refund_mismatch", _MONEY_BACK, ids=ids),
        *await _ask(tx, "payment_unallocated", _UNALLOCATED, ids=ids, settled_before=settled_before),
        *await _ask(tx, "paid_mismatch", _PAID, ids=ids, heard_before=heard_before),
        *await _ask(tx, "paid_mismatch", _CREDIT, ids=ids),
    ]


async def of_sets(tx: Transaction, ids: Sequence[str]) -> list[Breach]:
    """Of entry sets."""
    return [
        *await _ask(tx, "ledger_unbalanced", _UNBALANCED, ids=ids),
        *await _ask(tx, "payment_without_entries", _OF_NO_PAYMENT, ids=ids),
    ]


async def of_businesses(tx: Transaction, ids: Sequence[str]) -> list[Breach]:
    """Of businesses whose chain is whole: their balances, and entries that are in no chain. Reads all their entries."""
    return [
        *await _ask(tx, "balance_drift", _DRIFT, ids=ids),
        *await _ask(tx, "chain_broken", _UNLINKED, ids=ids),
    ]


async def of_outbox(tx: Transaction, before: datetime) -> list[Breach]:
    """Events that were not published though they are older than a moment, the oldest first, a few of them."""
    return await _ask(tx, "outbox_old", _OUTBOX, before=before, limit=SHOWN)


async def count_unpublished(tx: Transaction) -> int:
    """Events that wait, however young."""
    return int((await tx.execute(text("SELECT count(*) FROM payments.outbox WHERE published_at IS NULL"))).scalar_one())


async def _ask(tx: Transaction, check: str, statement: TextClause, **values: Any) -> list[Breach]:
    if not values.get("ids", True):
        return []
    return [_breach(check, row) for row in await tx.execute(statement, values)]


def _breach(check: str, row: Row[Any]) -> Breach:
    return Breach(check, row.business_id, tuple(row.ids), row.said)
