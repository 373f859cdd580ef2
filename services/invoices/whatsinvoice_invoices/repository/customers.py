"""Customers, each of one business."""

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_invoices.domain.customer import Customer
from whatsinvoice_invoices.models import CUSTOMERS


def _customer(row: Row[tuple[object, ...]]) -> Customer:
    return Customer(row.id, row.business_id, row.name, row.phone, row.email, row.created_at, row.version)


_ADD = insert(CUSTOMERS).on_conflict_do_nothing().returning(CUSTOMERS.c.id)


async def add_customer(tx: Transaction, customer: Customer) -> bool:
    """Adds her; False when the phone is another customer's of the business."""
    row = {name: getattr(customer, name) for name in ("id", "business_id", "name", "phone", "email", "created_at")}
    added = await tx.execute(_ADD, row)
    return added.scalar_one_or_none() is not None


async def customer(tx: Transaction, business_id: str, customer_id: str) -> Customer | None:
    statement = select(CUSTOMERS).where(CUSTOMERS.c.business_id == business_id, CUSTOMERS.c.id == customer_id)
    row = (await tx.execute(statement)).one_or_none()
    return _customer(row) if row else None


async def customer_by_phone(tx: Transaction, business_id: str, phone: str) -> Customer | None:
    statement = select(CUSTOMERS).where(CUSTOMERS.c.business_id == business_id, CUSTOMERS.c.phone == phone)
    row = (await tx.execute(statement)).one_or_none()
    return _customer(row) if row else None


async def customers(tx: Transaction, business_id: str, before: str, limit: int) -> list[Customer]:
    """The newest first, those before an id where one is given."""
    statement = select(CUSTOMERS).where(CUSTOMERS.c.business_id == business_id)
    if before:
        statement = statement.where(CUSTOMERS.c.id < before)
    return [_customer(row) for row in await tx.execute(statement.order_by(CUSTOMERS.c.id.desc()).limit(limit))]
