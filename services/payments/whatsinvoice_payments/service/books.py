"""What a business may read: its payments, its ledger, its balances. Each runs in the transaction that it is given."""

from collections.abc import Sequence

from whatsinvoice_kit.core.errors import invalid, not_found
from whatsinvoice_kit.core.ids import is_id
from whatsinvoice_kit.core.money import SYMBOLS
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.ledger import Account, Balance, Entry, Span, Statement
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.repository import payments as payment_rows

DEFAULT_PAGE, LARGEST_PAGE = 20, 100


async def get_payment(tx: Transaction, business_id: str, payment_id: str, *, lock: bool = False) -> Payment:
    """Raises NOT_FOUND (PAYMENT_NOT_FOUND), also for another business's."""
    payment = await payment_rows.payment(tx, business_id, payment_id, lock=lock) if is_id("pay", payment_id) else None
    if payment is None:
        raise not_found("PAYMENT_NOT_FOUND", "there is no such payment")
    return payment


async def list_payments(
    tx: Transaction, business_id: str, invoice_id: str, status: Status | None, cursor: str, limit: int
) -> tuple[Sequence[Payment], str]:
    """A page, newest first, and the cursor of the next one, empty on the last."""
    size = page_size(limit)
    found = await payment_rows.list_payments(tx, business_id, invoice_id, status, before("pay", cursor), size + 1)
    return found[:size], found[size - 1].id if len(found) > size else ""


async def list_ledger_entries(
    tx: Transaction, business_id: str, cursor: str, limit: int
) -> tuple[Sequence[Entry], str]:
    """As list_payments."""
    size = page_size(limit)
    found = await ledger_rows.list_entries(tx, business_id, before("led", cursor), size + 1)
    return found[:size], found[size - 1].id if len(found) > size else ""


async def get_statement(
    tx: Transaction, business_id: str, span: Span, cursor: str, limit: int
) -> tuple[Statement, str]:
    """Return a page of it, and the cursor of the next one.

    Raises:
        ServiceError: INVALID_ARGUMENT (ACCOUNT_UNKNOWN, CURRENCY_UNKNOWN, SPAN_INVALID).
    """
    if span.currency and span.currency not in SYMBOLS:
        raise invalid("currency", "CURRENCY_UNKNOWN", f"use one of {', '.join(SYMBOLS)}")
    if span.account and span.account not in {account.value for account in Account}:
        raise invalid("account", "ACCOUNT_UNKNOWN", "there is no such account in the ledger")
    if span.since and span.until and span.until < span.since:
        raise invalid("to", "SPAN_INVALID", "the statement ends before it begins")
    size, after = page_size(limit), before("led", cursor)
    found = await ledger_rows.list_entries_oldest_first(tx, business_id, span, after, size + 1)
    opening = await ledger_rows.balances_before(tx, business_id, span, span.since) if span.since else ()
    closing = await ledger_rows.balances_before(tx, business_id, span, span.until)
    following = found[size - 1].id if len(found) > size else ""
    return Statement(opening, closing, found[:size]), following


async def get_balance(tx: Transaction, business_id: str) -> Sequence[Balance]:
    """Per currency they sum to zero."""
    return await ledger_rows.balances(tx, business_id)


def page_size(limit: int) -> int:
    """INVALID_ARGUMENT (LIMIT_INVALID) for one that no page has; 0 is the usual one."""
    if not 0 <= limit <= LARGEST_PAGE:
        raise invalid("page.limit", "LIMIT_INVALID", f"a page has 1 to {LARGEST_PAGE} entries")
    return limit or DEFAULT_PAGE


def before(prefix: str, cursor: str) -> str:
    """The id that a page of a list goes on from; INVALID_ARGUMENT (CURSOR_INVALID) for another list's."""
    if cursor and not is_id(prefix, cursor):
        raise invalid("page.cursor", "CURSOR_INVALID", "this is not a cursor of this list")
    return cursor
