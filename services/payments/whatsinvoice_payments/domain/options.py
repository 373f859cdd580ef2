"""The ways to pay an invoice now, and what became of one attempt to pay it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from whatsinvoice_kit.core.money import Money

from whatsinvoice_payments.domain.bank_account import BankAccount
from whatsinvoice_payments.domain.payment import TRANSFER, Payment, Status
from whatsinvoice_payments.domain.transfer import OpenTransfer

MINIMUM_MINOR: Mapping[str, int] = {"NGN": 5_000, "USD": 200, "GHS": 10, "ZAR": 100, "KES": 300, "XOF": 100}
"""The least that the provider takes, per currency (Paystack's documentation, table of currencies)."""


class Outcome(Enum):
    """What became of an attempt, as its payer is told; UNSPECIFIED where the reference is none of this invoice."""

    UNSPECIFIED = "unspecified"
    CONFIRMING = "confirming"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"
    RETURNED = "returned"
    UNDER_REVIEW = "under_review"
    REFUNDED = "refunded"


_OUTCOMES: Mapping[Status, Outcome] = {
    Status.INITIALIZED: Outcome.CONFIRMING,
    Status.PENDING: Outcome.CONFIRMING,
    Status.UNKNOWN: Outcome.CONFIRMING,
    Status.SUCCEEDED: Outcome.SUCCEEDED,
    Status.FAILED: Outcome.FAILED,
    Status.ABANDONED: Outcome.ABANDONED,
    Status.REVERSED: Outcome.REFUNDED,
    Status.QUARANTINED: Outcome.UNDER_REVIEW,
}


@dataclass(frozen=True, slots=True)
class PaymentOptions:
    """`account` is the merchant's own, None while there is none. `minimum` is set where what is due is below it."""

    account: BankAccount | None
    narration: str
    pay_online: bool
    pay_with_transfer: bool
    minimum: Money | None
    under_review: bool
    open_transfers: Sequence[OpenTransfer]
    outcome: Outcome
    outcome_reason: str


def outcome_of(payment: Payment) -> Outcome:
    """Return what became of an attempt, as far as it is recorded."""
    if payment.status is Status.FAILED and payment.channel == TRANSFER:
        return Outcome.RETURNED
    return _OUTCOMES[payment.status]


def minimum_of(amount_minor: int, currency: str) -> Money | None:
    """Return the provider's minimum where the amount is below it, else None."""
    least = MINIMUM_MINOR.get(currency, 0)
    return Money(least, currency) if 0 < amount_minor < least else None
