"""Businesses as auth told them, and the counters that number their documents."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.models import BUSINESSES, COUNTERS


async def put_business(tx: Transaction, business: Business) -> None:
    """Adds or replaces; an older version than the known one changes nothing."""
    values = {name: getattr(business, name) for name in BUSINESSES.c.keys()}  # noqa: SIM118  (a column collection)
    newer = BUSINESSES.c.version < business.version
    statement = insert(BUSINESSES).values(values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values, where=newer))


async def business(tx: Transaction, business_id: str) -> Business | None:
    row = (await tx.execute(select(BUSINESSES).where(BUSINESSES.c.id == business_id))).one_or_none()
    return Business(**row._mapping) if row else None  # noqa: SLF001  (SQLAlchemy's documented name)


async def next_number(tx: Transaction, business_id: str, kind: str) -> int:
    """The next of a business's gap-free numbers; the counter stays locked until the transaction ends."""
    first = insert(COUNTERS).values(business_id=business_id, kind=kind, last=1)
    statement = first.on_conflict_do_update(
        index_elements=["business_id", "kind"], set_={"last": COUNTERS.c.last + 1}
    ).returning(COUNTERS.c.last)
    return int((await tx.execute(statement)).scalar_one())
