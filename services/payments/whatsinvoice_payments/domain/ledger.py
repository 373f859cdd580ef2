"""Double entry: what each fact about money writes. Debit is positive, credit negative, and a set sums to zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Account(Enum):
    """The accounts of a business, per currency."""

    PAYSTACK_CLEARING = "paystack_clearing"
    BANK = "bank"
    CASH = "cash"
    RECEIVABLE = "receivable"
    CUSTOMER_CREDIT = "customer_credit"
    FEES = "fees"
    REFUNDS = "refunds"
    DISPUTES = "disputes"


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a set, in minor units."""

    account: Account
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting as it stands in the books."""

    id: str
    entry_set_id: str
    account: Account
    currency: str
    amount_minor: int
    payment_id: str
    invoice_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """The sum of an account's entries in one currency."""

    account: Account
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Span:
    """Which entries a statement is about: an account, a currency, from a moment on, before another; all unless told."""

    account: str = ""
    currency: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What the accounts held before, the entries of a page, oldest first, and what the accounts held after the span."""

    opening: Sequence[Balance]
    closing: Sequence[Balance]
    entries: Sequence[Entry]


def postings_of_success(settled_minor: int, paid_minor: int, fees_minor: int) -> list[Posting]:
    """A payment that counts for `settled_minor`: the provider owes what was paid less its fees.

    The merchant bears of the fees what the payer did not: all of them unless the payer paid on top of the request.
    """
    owed = paid_minor - fees_minor
    postings = (
        Posting(Account.PAYSTACK_CLEARING, owed),
        Posting(Account.FEES, settled_minor - owed),
        Posting(Account.RECEIVABLE, -settled_minor),
    )
    return [posting for posting in postings if posting.amount_minor]
