"""The only SQL of payments: rows <-> aggregates."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.observe.telemetry import current_traceparent

from whatsinvoice_payments.domain.ledger import Account, Balance, Entry, Posting
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.webhook import Received, StoredEvent
from whatsinvoice_payments.models import LEDGER_ENTRIES, PAYMENTS, WEBHOOK_EVENTS

PROVIDER = "paystack"


def _payment(row: Row[tuple[object, ...]]) -> Payment:
    fields = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    return Payment(**(fields | {"status": Status(fields["status"])}))


def _row_of(payment: Payment) -> dict[str, object]:
    return asdict(payment) | {"status": payment.status.value}


async def lock_invoice(tx: Transaction, invoice_id: str) -> None:
    """One checkout of an invoice at a time is begun; ends with the transaction."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"checkout:{invoice_id}", 0))))


async def latest_attempt(tx: Transaction, business_id: str, invoice_id: str) -> Payment | None:
    """The invoice's attempt with the highest number, locked."""
    statement = (
        select(PAYMENTS)
        .where(PAYMENTS.c.business_id == business_id, PAYMENTS.c.invoice_id == invoice_id)
        .order_by(PAYMENTS.c.number.desc())
        .limit(1)
        .with_for_update()
    )
    row = (await tx.execute(statement)).one_or_none()
    return _payment(row) if row else None


async def add_payment(tx: Transaction, payment: Payment) -> None:
    await tx.execute(insert(PAYMENTS).values(_row_of(payment)))


async def save_payment(tx: Transaction, payment: Payment) -> None:
    """Writes a locked payment back with its next version."""
    payment.version += 1
    payment.updated_at = now()
    await tx.execute(update(PAYMENTS).where(PAYMENTS.c.id == payment.id).values(_row_of(payment)))


async def payment_by_reference(tx: Transaction, reference: str, *, lock: bool = False) -> Payment | None:
    """The provider names payments by reference, whoever's they are; a locked one is changed by nobody else."""
    statement = select(PAYMENTS).where(PAYMENTS.c.reference == reference)
    row = (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _payment(row) if row else None


async def payment(tx: Transaction, business_id: str, payment_id: str) -> Payment | None:
    statement = select(PAYMENTS).where(PAYMENTS.c.business_id == business_id, PAYMENTS.c.id == payment_id)
    row = (await tx.execute(statement)).one_or_none()
    return _payment(row) if row else None


async def list_payments(
    tx: Transaction, business_id: str, invoice_id: str, before: str, limit: int
) -> Sequence[Payment]:
    """Newest first, those older than `before` when it is given, of one invoice when it is given."""
    statement = select(PAYMENTS).where(PAYMENTS.c.business_id == business_id)
    if invoice_id:
        statement = statement.where(PAYMENTS.c.invoice_id == invoice_id)
    if before:
        statement = statement.where(PAYMENTS.c.id < before)
    rows = await tx.execute(statement.order_by(PAYMENTS.c.id.desc()).limit(limit))
    return [_payment(row) for row in rows]


async def claim_due_payments(tx: Transaction, moment: datetime, lease: timedelta, limit: int) -> Sequence[Payment]:
    """Payments whose check is due; the check moves ahead by the lease, so that it comes again if we die over it."""
    due = (
        select(PAYMENTS.c.id)
        .where(PAYMENTS.c.next_check_at <= moment)
        .order_by(PAYMENTS.c.next_check_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = update(PAYMENTS).where(PAYMENTS.c.id.in_(due)).values(next_check_at=moment + lease).returning(PAYMENTS)
    return [_payment(row) for row in await tx.execute(statement)]


async def set_next_check(tx: Transaction, reference: str, at: datetime | None) -> None:
    """Moves the check of an attempt that is still to be checked; None ends the checks."""
    statement = update(PAYMENTS).where(PAYMENTS.c.reference == reference, PAYMENTS.c.next_check_at.is_not(None))
    await tx.execute(statement.values(next_check_at=at))


async def add_event(tx: Transaction, received: Received) -> bool:
    """Stores a webhook; False when the very same one is there already."""
    statement = (
        upsert(WEBHOOK_EVENTS)
        .values(
            id=new_id("whe"),
            provider=PROVIDER,
            event=received.event,
            natural_id=received.natural_id,
            body_hash=received.body_hash,
            body=received.body,
            traceparent=current_traceparent(),
        )
        .on_conflict_do_nothing()
        .returning(WEBHOOK_EVENTS.c.id)
    )
    return (await tx.execute(statement)).one_or_none() is not None


async def claim_events(tx: Transaction, moment: datetime, lease: timedelta, limit: int) -> Sequence[StoredEvent]:
    """Webhooks that wait for their effect, oldest first; another worker gets them after the lease."""
    table = WEBHOOK_EVENTS
    waiting = (
        select(table.c.id)
        .where(table.c.processed_at.is_(None), table.c.next_attempt_at <= moment)
        .order_by(table.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(table)
        .where(table.c.id.in_(waiting))
        .values(next_attempt_at=moment + lease, attempts=table.c.attempts + 1)
        .returning(table.c.id, table.c.event, table.c.body, table.c.attempts, table.c.received_at, table.c.traceparent)
    )
    return [
        StoredEvent(row.id, row.event, row.body, row.attempts, row.received_at, row.traceparent)
        for row in await tx.execute(statement)
    ]


async def finish_event(tx: Transaction, event_id: str, outcome: str, error: str) -> None:
    await tx.execute(
        update(WEBHOOK_EVENTS)
        .where(WEBHOOK_EVENTS.c.id == event_id)
        .values(processed_at=func.now(), outcome=outcome, error=error)
    )


async def postpone_event(tx: Transaction, event_id: str, until: datetime, error: str) -> None:
    await tx.execute(
        update(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.id == event_id).values(next_attempt_at=until, error=error)
    )


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
