"""Allocations: one row for a payment, and one for each time that money of it went back."""

from dataclasses import asdict

from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.allocation import Allocation
from whatsinvoice_payments.models import ALLOCATIONS


async def add_allocation(tx: Transaction, allocation: Allocation) -> bool:
    """Whether it is new; what is there already stays as it is."""
    values = asdict(allocation) | {"created_at": now()}
    statement = insert(ALLOCATIONS).values(values).on_conflict_do_nothing().returning(ALLOCATIONS.c.payment_id)
    return (await tx.execute(statement)).one_or_none() is not None
