"""Money that the merchant took: the rules of its record, and its ledger entries."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.money import MAX_MINOR, Money

from whatsinvoice_payments.domain.ledger import Account, Posting
from whatsinvoice_payments.domain.payment import BY_HAND, MANUAL, Payable, Payment

METHODS = ("cash", "bank_transfer", "pos", "other")
MAX_NOTE = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class MoneyTaken:
    """`amount_minor` 0 is all that is due. `as_credit` allows more: the rest becomes the customer's credit."""

    amount_minor: int
    method: str
    paid_at: datetime | None
    note: str
    as_credit: bool = False

    def checked(self, moment: datetime) -> "MoneyTaken":
        """Raise INVALID_ARGUMENT (AMOUNT_INVALID, METHOD_INVALID, PAID_TIME_INVALID, NOTE_TOO_LONG)."""
        if not 0 <= self.amount_minor <= MAX_MINOR:
            raise invalid("amount_minor", "AMOUNT_INVALID", f"an amount is 1 to {MAX_MINOR} minor units")
        if self.method not in METHODS:
            raise invalid("method", "METHOD_INVALID", f"use one of {', '.join(METHODS)}")
        if self.paid_at is not None and not EARLIEST <= self.paid_at <= moment + CLOCKS_DIFFER:
            raise invalid("paid_at", "PAID_TIME_INVALID", "money that was taken was taken before now")
        if len(self.note) > MAX_NOTE:
            raise invalid("note", "NOTE_TOO_LONG", f"use up to {MAX_NOTE} characters")
        return self

    def amount_of(self, payable: Payable) -> int:
        """Return the amount in minor units. Raise INVALID_ARGUMENT (AMOUNT_TOO_LARGE) above what is due."""
        amount = self.amount_minor or payable.due_minor
        if amount > payable.due_minor and not self.as_credit:
            due = Money(payable.due_minor, payable.currency)
            message = f"{due} is due; send as_credit: true to keep the rest as the customer's credit"
            raise invalid("amount_minor", "AMOUNT_TOO_LARGE", message)
        return amount

    def payment(self, payable: Payable, number: int, moment: datetime) -> Payment:
        """The payment that it is, over from the beginning."""
        payment = Payment.attempt(payable, number, moment, None, BY_HAND)
        payment.provider, payment.note = MANUAL, self.note
        payment.asked_minor = self.amount_of(payable)
        payment.succeed(payment.asked_minor, payment.asked_minor, 0, self.method, self.paid_at or moment)
        return payment


def postings_of_manual(method: str, amount_minor: int) -> list[Posting]:
    """Debit cash for cash, bank for all else."""
    held = Account.CASH if method == "cash" else Account.BANK
    return [Posting(held, amount_minor), Posting(Account.RECEIVABLE, -amount_minor)]


def postings_of_undo(method: str, amount_minor: int) -> list[Posting]:
    """Reverse the entries of a manual payment."""
    return postings_of_manual(method, -amount_minor)


def checked_reason(reason: str) -> str:
    """Return it trimmed. Raise INVALID_ARGUMENT (REASON_REQUIRED, REASON_TOO_LONG)."""
    reason = " ".join(reason.split())
    if not reason:
        raise invalid("reason", "REASON_REQUIRED", "say why the payment is undone")
    if len(reason) > MAX_NOTE:
        raise invalid("reason", "REASON_TOO_LONG", f"use up to {MAX_NOTE} characters")
    return reason
