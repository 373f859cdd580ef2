"""Businesses as auth told them, and the counters that number their documents."""

from sqlalchemy import bindparam, select
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


_BY_ID = select(BUSINESSES).where(BUSINESSES.c.id == bindparam("id_"))


async def business(tx: Transaction, business_id: str) -> Business | None:
    row = (await tx.execute(_BY_ID, {"id_": business_id})).one_or_none()
    return Business(**row._mapping) if row else None  # noqa: SLF001  (SQLAlchemy's documented name)


_NEXT = (
    insert(COUNTERS)
    .on_conflict_do_update(index_elements=["business_id", "kind"], set_={"last": COUNTERS.c.last + 1})
    .returning(COUNTERS.c.last)
)


async def next_number(tx: Transaction, business_id: str, kind: str) -> int:
    """The next of a business's gap-free numbers; the counter stays locked until the transaction ends."""
    return int((await tx.execute(_NEXT, {"business_id": business_id, "kind": kind, "last": 1})).scalar_one())
