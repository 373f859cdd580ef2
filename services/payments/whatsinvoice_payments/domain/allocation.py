"""What invoices says became of a payment, or of money of it that went back: how much counted, how much was credit."""

from collections.abc import Sequence
from dataclasses import dataclass

from whatsinvoice_payments.domain.ledger import Account, Posting

CREDIT_PURPOSE = "credit"


@dataclass(frozen=True, slots=True)
class Allocation:
    """Minor units of `currency`. `cause_id` is empty for the payment itself, else by what the money went back.

    `reopened`: what went back is due again. The last four are the invoice as it was after that.
    """

    payment_id: str
    cause_id: str
    business_id: str
    invoice_id: str
    applied_minor: int
    credit_minor: int
    reopened: bool
    currency: str
    invoice_total_minor: int
    invoice_paid_minor: int
    invoice_status: str
    invoice_version: int

    @property
    def purpose(self) -> str:
        """Under which its credit is in the books."""
        return f"credit returned:{self.cause_id}" if self.cause_id else CREDIT_PURPOSE

    @property
    def postings(self) -> Sequence[Posting]:
        """Move credit out of what was received; when it went back, out of the account that the refund is in."""
        owed = -self.credit_minor if self.cause_id else self.credit_minor
        if not owed:
            return ()
        other = Account.RECEIVABLE if self.reopened else Account.REFUNDS
        return (Posting(other, owed), Posting(Account.CUSTOMER_CREDIT, -owed))
