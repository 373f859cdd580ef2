"""Accounts that the provider opens for payers: for one payment, or for a customer to keep."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.bank_account import BankAccount, TransferAccount, VirtualAccount
from whatsinvoice_payments.domain.payment import Payable, Payment, Status
from whatsinvoice_payments.domain.transfer import OpenTransfer
from whatsinvoice_payments.models import PAYMENTS, TRANSFER_ACCOUNTS, VIRTUAL_ACCOUNTS


def _bank_account(row: Row[tuple[object, ...]]) -> BankAccount:
    return BankAccount("", row.bank_name, row.account_number, row.account_name)


def _virtual(row: Row[tuple[object, ...]]) -> VirtualAccount:
    return VirtualAccount(
        row.id,
        row.business_id,
        row.customer_id,
        row.customer_code,
        _bank_account(row),
        row.currency,
        row.subaccount_code,
        row.created_at,
    )


async def add_transfer_account(tx: Transaction, given: TransferAccount) -> None:
    account = given.account
    await tx.execute(
        insert(TRANSFER_ACCOUNTS).values(
            payment_id=given.payment_id,
            business_id=given.business_id,
            bank_name=account.bank_name,
            account_number=account.account_number,
            account_name=account.account_name,
            expires_at=given.expires_at,
        )
    )


async def open_transfer(tx: Transaction, payable: Payable, until: datetime) -> tuple[TransferAccount, str] | None:
    """An account that still takes what is due at that moment, and the reference of its payment."""
    joined = TRANSFER_ACCOUNTS.join(PAYMENTS, TRANSFER_ACCOUNTS.c.payment_id == PAYMENTS.c.id)
    statement = (
        select(TRANSFER_ACCOUNTS, PAYMENTS.c.reference)
        .select_from(joined)
        .where(
            PAYMENTS.c.business_id == payable.business_id,
            PAYMENTS.c.invoice_id == payable.invoice_id,
            PAYMENTS.c.status == Status.PENDING.value,
            PAYMENTS.c.asked_minor == payable.due_minor,
            PAYMENTS.c.currency == payable.currency,
            TRANSFER_ACCOUNTS.c.expires_at > until,
        )
        .order_by(PAYMENTS.c.number.desc())
        .limit(1)
    )
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        return None
    return TransferAccount(row.payment_id, row.business_id, _bank_account(row), row.expires_at), row.reference


async def open_transfers(
    tx: Transaction, business_id: str, invoice_id: str, moment: datetime
) -> Sequence[OpenTransfer]:
    """Return the accounts that take a transfer for an invoice after a moment, the newest first."""
    joined = TRANSFER_ACCOUNTS.join(PAYMENTS, TRANSFER_ACCOUNTS.c.payment_id == PAYMENTS.c.id)
    statement = (
        select(*PAYMENTS.c, *(column.label(f"of_account_{column.name}") for column in TRANSFER_ACCOUNTS.c))
        .select_from(joined)
        .where(
            PAYMENTS.c.business_id == business_id,
            PAYMENTS.c.invoice_id == invoice_id,
            PAYMENTS.c.settled_minor.is_(None),
            PAYMENTS.c.status != Status.QUARANTINED.value,
            TRANSFER_ACCOUNTS.c.expires_at > moment,
        )
        .order_by(PAYMENTS.c.number.desc())
    )
    return [_open_transfer(row) for row in await tx.execute(statement)]


def _open_transfer(row: Row[tuple[object, ...]]) -> OpenTransfer:
    fields = row._mapping  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    payment = Payment(**{column.name: fields[column.name] for column in PAYMENTS.c} | {"status": Status(row.status)})
    account = BankAccount("", row.of_account_bank_name, row.of_account_account_number, row.of_account_account_name)
    return OpenTransfer(payment, account, row.of_account_expires_at)


async def add_virtual_account(tx: Transaction, given: VirtualAccount) -> bool:
    """False when the customer has one already; a number that is another's already is an IntegrityError."""
    account = given.account
    statement = upsert(VIRTUAL_ACCOUNTS).values(
        id=given.id,
        business_id=given.business_id,
        customer_id=given.customer_id,
        customer_code=given.customer_code,
        bank_name=account.bank_name,
        account_number=account.account_number,
        account_name=account.account_name,
        currency=given.currency,
        subaccount_code=given.subaccount_code,
        created_at=given.created_at,
    )
    added = await tx.execute(
        statement.on_conflict_do_nothing(index_elements=["customer_id"]).returning(VIRTUAL_ACCOUNTS.c.id)
    )
    return added.scalar_one_or_none() is not None


async def virtual_account_of(tx: Transaction, business_id: str, customer_id: str) -> VirtualAccount | None:
    table = VIRTUAL_ACCOUNTS
    statement = select(table).where(table.c.business_id == business_id, table.c.customer_id == customer_id)
    row = (await tx.execute(statement)).one_or_none()
    return _virtual(row) if row else None


async def find_virtual_account(
    tx: Transaction, *, account_number: str = "", customer_code: str = ""
) -> VirtualAccount | None:
    """Whose account money came into, whatever the business; by its number or the provider's code of the customer."""
    table = VIRTUAL_ACCOUNTS
    by = [
        column == value
        for column, value in ((table.c.account_number, account_number), (table.c.customer_code, customer_code))
        if value
    ]
    if not by:
        return None
    rows = (await tx.execute(select(table).where(or_(*by)).limit(2))).all()
    return _virtual(rows[0]) if len(rows) == 1 else None  # two: they contradict each other
