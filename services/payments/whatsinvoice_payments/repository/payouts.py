"""Payout accounts and the businesses that they belong to."""

from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.queue import work
from whatsinvoice_kit.queue.work import NewWork

from whatsinvoice_payments.domain.bank_account import BankAccount, Business
from whatsinvoice_payments.domain.payout import COMING, Payout, PayoutAccount, PayoutStatus
from whatsinvoice_payments.models import BUSINESSES, KIT_TABLES, PAYOUT_ACCOUNTS

ACTIVATION = "payout_activation"  # the kind of work that makes a payout account active

_STANDING = [status.value for status in (*COMING, PayoutStatus.ACTIVE)]


def _account(row: Row[tuple[object, ...]]) -> PayoutAccount:
    return PayoutAccount(
        row.id,
        row.business_id,
        PayoutStatus(row.status),
        BankAccount(row.bank_code, row.bank_name, row.account_number, row.account_name),
        row.currency,
        row.active_from,
        row.created_at,
        row.subaccount_code,
        row.ended_at,
    )


def _row_of(payout: PayoutAccount) -> dict[str, object]:
    values = asdict(payout) | asdict(payout.account) | {"status": payout.status.value}
    return {name: value for name, value in values.items() if name != "account"}


async def lock_payout(tx: Transaction, business_id: str) -> None:
    """One change of a business's account at a time; ends with the transaction."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"payout:{business_id}", 0))))


async def payout(tx: Transaction, business_id: str) -> Payout:
    """The active account and the one that follows."""
    table = PAYOUT_ACCOUNTS
    statement = select(table).where(table.c.business_id == business_id, table.c.status.in_(_STANDING))
    found = [_account(row) for row in await tx.execute(statement)]
    active = next((one for one in found if one.status is PayoutStatus.ACTIVE), None)
    return Payout(active, next((one for one in found if one is not active), None))


async def count_changes(tx: Transaction, business_id: str) -> int:
    """How many accounts the business has named so far."""
    table = PAYOUT_ACCOUNTS
    return int((await tx.execute(select(func.count()).where(table.c.business_id == business_id))).scalar_one())


async def add_payout_account(tx: Transaction, payout: PayoutAccount, delay: timedelta) -> None:
    """Store the account, and the work of making it active after the delay."""
    await tx.execute(insert(PAYOUT_ACCOUNTS).values(_row_of(payout)))
    piece = NewWork(ACTIVATION, payout.id, business_id=payout.business_id, delay=delay)
    await work.add(tx, KIT_TABLES.work, [piece])


async def save_payout_account(tx: Transaction, payout: PayoutAccount) -> None:
    """Writes it back; the business must be locked."""
    await tx.execute(update(PAYOUT_ACCOUNTS).where(PAYOUT_ACCOUNTS.c.id == payout.id).values(_row_of(payout)))


async def payout_account(tx: Transaction, payout_id: str) -> PayoutAccount | None:
    row = (await tx.execute(select(PAYOUT_ACCOUNTS).where(PAYOUT_ACCOUNTS.c.id == payout_id))).one_or_none()
    return _account(row) if row else None


async def put_business(tx: Transaction, business: Business) -> None:
    """Adds or replaces; an older version than the known one changes nothing."""
    values = {name: getattr(business, name) for name in Business.__dataclass_fields__}
    statement = upsert(BUSINESSES).values(values)
    newer = BUSINESSES.c.version < business.version
    await tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values, where=newer))


async def business(tx: Transaction, business_id: str) -> Business | None:
    row = (await tx.execute(select(BUSINESSES).where(BUSINESSES.c.id == business_id))).one_or_none()
    return Business(**row._mapping) if row else None  # noqa: SLF001  (SQLAlchemy's documented name)
