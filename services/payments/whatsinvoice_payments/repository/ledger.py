"""The ledger: balanced sets go in, entries and balances come out."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.ledger import Account, Balance, Entry, Posting
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.models import LEDGER_ENTRIES


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


async def list_entries(tx: Transaction, business_id: str, before: str, limit: int) -> Sequence[Entry]:
    """Newest first, those older than `before` when it is given."""
    table = LEDGER_ENTRIES
    statement = select(table).where(table.c.business_id == business_id)
    if before:
        statement = statement.where(table.c.id < before)
    return [
        Entry(
            row.id,
            row.entry_set_id,
            Account(row.account),
            row.currency,
            row.amount_minor,
            row.payment_id,
            row.invoice_id,
            row.created_at,
        )
        for row in await tx.execute(statement.order_by(table.c.id.desc()).limit(limit))
    ]


async def balances(tx: Transaction, business_id: str) -> Sequence[Balance]:
    """Of each account and currency that has entries."""
    table = LEDGER_ENTRIES
    total = func.sum(table.c.amount_minor).label("total")
    statement = (
        select(table.c.account, table.c.currency, total)
        .where(table.c.business_id == business_id)
        .group_by(table.c.account, table.c.currency)
        .order_by(table.c.currency, table.c.account)
    )
    return [Balance(Account(row.account), row.currency, int(row.total)) for row in await tx.execute(statement)]
