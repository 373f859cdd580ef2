"""What we have of the provider's money, to be compared with what the provider says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.payment import PAYSTACK, Status
from whatsinvoice_payments.domain.provider_truth import Known
from whatsinvoice_payments.models import PAYMENTS, QUARANTINE

_COLUMNS = [PAYMENTS.c[name] for name in Known.__dataclass_fields__]


async def first_payment_at(tx: Transaction) -> datetime | None:
    """When the oldest attempt was begun; None while there is none."""
    oldest = select(PAYMENTS.c.created_at).order_by(PAYMENTS.c.id).limit(1)
    return (await tx.execute(oldest)).scalar_one_or_none()


async def known_payments(tx: Transaction, references: Sequence[str]) -> dict[str, Known]:
    """By reference, as far as we have them."""
    statement = select(*_COLUMNS).where(PAYMENTS.c.reference.in_(references))
    found = [_known(row) for row in (await tx.execute(statement)).mappings()]
    return {known.reference: known for known in found}


async def captured_after(tx: Transaction, payment_id: str, span: tuple[datetime, datetime], limit: int) -> list[Known]:
    """The next payments that the provider is to have captured, among those begun within a span."""
    since, until = span
    statement = select(*_COLUMNS).where(
        PAYMENTS.c.id > payment_id,
        PAYMENTS.c.provider == PAYSTACK,
        PAYMENTS.c.settled_minor.is_not(None),
        PAYMENTS.c.created_at >= since,
        PAYMENTS.c.created_at < until,
    )
    rows = (await tx.execute(statement.order_by(PAYMENTS.c.id).limit(limit))).mappings()
    return [_known(row) for row in rows]


async def quarantined_references(tx: Transaction, references: Sequence[str]) -> set[str]:
    """Those that a person has before her, or has dealt with."""
    statement = select(QUARANTINE.c.reference).where(QUARANTINE.c.reference.in_(references))
    return set((await tx.execute(statement)).scalars())


def _known(row: RowMapping) -> Known:
    fields: dict[str, Any] = dict(row)
    return Known(**(fields | {"status": Status(fields["status"])}))
