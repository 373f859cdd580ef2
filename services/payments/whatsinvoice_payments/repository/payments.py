"""Payments: rows <-> aggregates."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Row, func, insert, select, update
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.payment import PAYSTACK, Payment, Status
from whatsinvoice_payments.models import PAYMENTS


def payment_of(row: Row[tuple[object, ...]]) -> Payment:
    fields = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    return Payment(**(fields | {"status": Status(fields["status"])}))


def _row_of(payment: Payment) -> dict[str, object]:
    return asdict(payment) | {"status": payment.status.value}


async def lock_invoice(tx: Transaction, invoice_id: str) -> None:
    """One checkout of an invoice at a time is begun; ends with the transaction."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"checkout:{invoice_id}", 0))))


async def next_number(tx: Transaction, business_id: str, invoice_id: str) -> int:
    """Return the number of the invoice's next attempt."""
    statement = select(func.coalesce(func.max(PAYMENTS.c.number), 0) + 1).where(
        PAYMENTS.c.business_id == business_id, PAYMENTS.c.invoice_id == invoice_id
    )
    return int((await tx.execute(statement)).scalar_one())


async def quarantined_of(tx: Transaction, business_id: str, invoice_id: str) -> Sequence[Payment]:
    """Return the payments of an invoice that are in quarantine."""
    statement = select(PAYMENTS).where(
        PAYMENTS.c.business_id == business_id,
        PAYMENTS.c.invoice_id == invoice_id,
        PAYMENTS.c.status == Status.QUARANTINED.value,
    )
    return [payment_of(row) for row in await tx.execute(statement.order_by(PAYMENTS.c.number))]


async def succeeded_of(tx: Transaction, business_id: str, invoice_id: str) -> Mapping[str, int]:
    """Return what each payment of an invoice counts for that has succeeded, minor units by id."""
    statement = select(PAYMENTS.c.id, PAYMENTS.c.settled_minor).where(
        PAYMENTS.c.business_id == business_id,
        PAYMENTS.c.invoice_id == invoice_id,
        PAYMENTS.c.status == Status.SUCCEEDED.value,
    )
    return {row.id: row.settled_minor for row in await tx.execute(statement)}


async def latest_attempt(tx: Transaction, business_id: str, invoice_id: str, means: str) -> Payment | None:
    """Return the invoice's newest attempt by these means, locked."""
    statement = (
        select(PAYMENTS)
        .where(PAYMENTS.c.business_id == business_id, PAYMENTS.c.invoice_id == invoice_id, PAYMENTS.c.means == means)
        .order_by(PAYMENTS.c.number.desc())
        .limit(1)
        .with_for_update()
    )
    row = (await tx.execute(statement)).one_or_none()
    return payment_of(row) if row else None


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
    return payment_of(row) if row else None


async def payments_by_reference(tx: Transaction, references: Sequence[str]) -> Mapping[str, Payment]:
    """Return the payments that the provider names so, as far as there are such."""
    rows = await tx.execute(select(PAYMENTS).where(PAYMENTS.c.reference.in_(references)))
    return {payment.reference: payment for payment in map(payment_of, rows)}


async def payment(tx: Transaction, business_id: str, payment_id: str, *, lock: bool = False) -> Payment | None:
    """One of the business; a locked one is changed by nobody else, nor are its refunds and disputes."""
    statement = select(PAYMENTS).where(PAYMENTS.c.business_id == business_id, PAYMENTS.c.id == payment_id)
    row = (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return payment_of(row) if row else None


async def has_money(tx: Transaction, business_id: str) -> bool:
    """Return whether the provider ever took money for a business, still there or not."""
    came = [Status.SUCCEEDED.value, Status.REVERSED.value, Status.QUARANTINED.value]
    statement = select(PAYMENTS.c.id).where(
        PAYMENTS.c.business_id == business_id, PAYMENTS.c.provider == PAYSTACK, PAYMENTS.c.status.in_(came)
    )
    return (await tx.execute(statement.limit(1))).one_or_none() is not None


async def list_payments(
    tx: Transaction, business_id: str, invoice_id: str, status: Status | None, before: str, limit: int
) -> Sequence[Payment]:
    """Newest first: those older than `before`, of one invoice, of one status, where each of these is given."""
    statement = select(PAYMENTS).where(PAYMENTS.c.business_id == business_id)
    if invoice_id:
        statement = statement.where(PAYMENTS.c.invoice_id == invoice_id)
    if status:
        statement = statement.where(PAYMENTS.c.status == status.value)
    if before:
        statement = statement.where(PAYMENTS.c.id < before)
    rows = await tx.execute(statement.order_by(PAYMENTS.c.id.desc()).limit(limit))
    return [payment_of(row) for row in rows]


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
    return [payment_of(row) for row in await tx.execute(statement)]


async def set_next_check(tx: Transaction, reference: str, at: datetime | None) -> None:
    """Moves the check of an attempt that is still to be checked; None ends the checks."""
    statement = update(PAYMENTS).where(PAYMENTS.c.reference == reference, PAYMENTS.c.next_check_at.is_not(None))
    await tx.execute(statement.values(next_check_at=at))
