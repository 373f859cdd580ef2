"""Money that the merchant took herself: what may be told of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.money import MAX_MINOR

from whatsinvoice_payments.domain.ledger import Account, Posting
from whatsinvoice_payments.domain.payment import MANUAL, Payable, Payment

METHODS = ("cash", "bank_transfer", "pos", "other")
MAX_NOTE = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class MoneyTaken:
    """`amount_minor` 0 is all that is due; it may be more than that."""

    amount_minor: int
    method: str
    paid_at: datetime | None
    note: str

    def checked(self, moment: datetime) -> "MoneyTaken":
        """INVALID_ARGUMENT (AMOUNT_INVALID, METHOD_INVALID, PAID_TIME_INVALID, NOTE_TOO_LONG) names what is wrong."""
        if not 0 <= self.amount_minor <= MAX_MINOR:
            raise invalid("amount_minor", "AMOUNT_INVALID", f"an amount is 1 to {MAX_MINOR} minor units")
        if self.method not in METHODS:
            raise invalid("method", "METHOD_INVALID", f"use one of {', '.join(METHODS)}")
        if self.paid_at is not None and not EARLIEST <= self.paid_at <= moment + CLOCKS_DIFFER:
            raise invalid("paid_at", "PAID_TIME_INVALID", "money that was taken was taken before now")
        if len(self.note) > MAX_NOTE:
            raise invalid("note", "NOTE_TOO_LONG", f"use up to {MAX_NOTE} characters")
        return self

    def payment(self, payable: Payable, number: int, moment: datetime) -> Payment:
        """The payment that it is, over from the beginning."""
        payment = Payment.attempt(payable, number, moment, None)
        payment.provider, payment.note = MANUAL, self.note
        payment.asked_minor = self.amount_minor or payable.due_minor
        payment.succeed(payment.asked_minor, payment.asked_minor, 0, self.method, self.paid_at or moment)
        return payment


def postings_of_manual(method: str, amount_minor: int) -> list[Posting]:
    """Cash is in the till, all else with the merchant's bank."""
    held = Account.CASH if method == "cash" else Account.BANK
    return [Posting(held, amount_minor), Posting(Account.RECEIVABLE, -amount_minor)]
