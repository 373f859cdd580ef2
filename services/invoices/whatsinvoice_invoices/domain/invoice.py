"""The invoice: its states and transitions as data, and what each transition does."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum

from whatsinvoice_kit.core.errors import invalid, precondition

from whatsinvoice_invoices.domain.customer import Customer
from whatsinvoice_invoices.domain.totals import Totals

MAX_TERMS_DAYS = 365


class Status(Enum):
    DRAFT = "draft"
    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class Action(Enum):
    ISSUE = "issue"
    PAY_PART = "pay part"
    PAY_REST = "pay the rest"
    VOID = "void"
    TAKE_PART_BACK = "take part back"
    TAKE_ALL_BACK = "take all back"


TRANSITIONS: dict[tuple[Status, Action], Status] = {
    (Status.DRAFT, Action.ISSUE): Status.OPEN,
    (Status.OPEN, Action.PAY_PART): Status.PARTIALLY_PAID,
    (Status.OPEN, Action.PAY_REST): Status.PAID,
    (Status.PARTIALLY_PAID, Action.PAY_PART): Status.PARTIALLY_PAID,
    (Status.PARTIALLY_PAID, Action.PAY_REST): Status.PAID,
    (Status.OPEN, Action.VOID): Status.VOID,
    (Status.PARTIALLY_PAID, Action.TAKE_PART_BACK): Status.PARTIALLY_PAID,
    (Status.PARTIALLY_PAID, Action.TAKE_ALL_BACK): Status.OPEN,
    (Status.PAID, Action.TAKE_PART_BACK): Status.PARTIALLY_PAID,
    (Status.PAID, Action.TAKE_ALL_BACK): Status.OPEN,
}
"""All that may happen to an invoice. The code runs on it, and docs/invoice-states.md is generated from it."""

PAYABLE = {status for status, action in TRANSITIONS if action is Action.PAY_REST}
ENDED = frozenset({Status.VOID, Status.UNCOLLECTIBLE})
"""Nothing is due on these any more."""


def diagram() -> str:
    """The transitions as a Mermaid state diagram."""
    rows = [f"    {before.value} --> {after.value}: {action.value}" for (before, action), after in TRANSITIONS.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> draft", *rows])


@dataclass(frozen=True, slots=True)
class Terms:
    """When an invoice is due: on a day, so many days after issue, or (neither) on the day of issue."""

    issue_date: date | None = None
    due_date: date | None = None
    days: int = 0

    def checked(self) -> "Terms":
        """INVALID_ARGUMENT when they contradict themselves."""
        if self.due_date is not None and self.days:
            raise invalid("terms_days", "TERMS_TWICE", "give either due_date or terms_days")
        if not 0 <= self.days <= MAX_TERMS_DAYS:
            raise invalid("terms_days", "TERMS_INVALID", f"terms are 0 to {MAX_TERMS_DAYS} days")
        if self.issue_date is not None and self.due_date is not None and self.due_date < self.issue_date:
            raise invalid("due_date", "DUE_BEFORE_ISSUE", "the due date is before the issue date")
        return self


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a payment: applied to the invoice, and beyond that the customer's credit; minor units."""

    applied_minor: int
    credit_minor: int

    def going_back(self, amount_minor: int) -> "Recorded":
        """Of what is left here, so much: the credit first, then what was applied, and never more than there is."""
        credit = min(amount_minor, self.credit_minor)
        return Recorded(min(amount_minor - credit, self.applied_minor), credit)


@dataclass(slots=True)
class Invoice:
    """One invoice. Amounts are minor units of `currency`; the customer is as she was when it was written."""

    id: str
    business_id: str
    customer: Customer
    currency: str
    totals: Totals
    terms: Terms
    created_at: datetime
    prices_include_tax: bool = False
    notes: str = ""
    reference: str = ""
    traceparent: str = ""
    """Of the work that made it, which all that follows goes on with."""
    status: Status = Status.DRAFT
    number: str = ""
    token: str = ""
    issue_date: date | None = None
    due_date: date | None = None
    issued_at: datetime | None = None
    paid_at: datetime | None = None
    amount_paid_minor: int = 0
    refunded_minor: int = 0
    """Given back by the merchant, and not due again."""
    credit_minor: int = 0
    """Paid beyond what was due, and still the customer's."""
    transfer_claimed_at: datetime | None = None
    """When the customer reported a transfer; None when none is reported."""
    version: int = field(default=1)

    @property
    def total_minor(self) -> int:
        return self.totals.total_minor

    @property
    def amount_due_minor(self) -> int:
        """Return what is still to be paid; nothing on a void or written-off invoice."""
        return 0 if self.status in ENDED else self.total_minor - self.amount_paid_minor

    def overdue(self, today: date) -> bool:
        """Past due and not settled; today by the business's calendar."""
        return self.status in PAYABLE and self.due_date is not None and self.due_date < today

    def issue(self, *, number: str, token: str, today: date, moment: datetime) -> None:
        """Gives number, public token and dates; INVOICE_NOT_DRAFT unless it is one."""
        if (self.status, Action.ISSUE) not in TRANSITIONS:
            raise precondition("INVOICE_NOT_DRAFT", f"the invoice is {self.status.value}, not a draft")
        issue_date = self.terms.issue_date or today
        due_date = self.terms.due_date or issue_date + timedelta(days=self.terms.days)
        if due_date < issue_date:
            raise invalid("due_date", "DUE_BEFORE_ISSUE", "the due date has passed; change it first")
        self._apply(Action.ISSUE)
        self.number, self.token = number, token
        self.issue_date, self.due_date, self.issued_at = issue_date, due_date, moment

    def record_payment(self, amount_minor: int, paid_at: datetime) -> Recorded:
        """Apply a payment up to what is due; the rest (on a settled invoice all of it) is credit. Never refuse one."""
        applied = min(amount_minor, self.amount_due_minor) if self.status in PAYABLE else 0
        self._change_credit(amount_minor - applied)
        if applied:
            self._apply(Action.PAY_REST if applied == self.amount_due_minor else Action.PAY_PART)
            self.amount_paid_minor += applied
            self.transfer_claimed_at = None
            if self.status is Status.PAID:
                self.paid_at = paid_at
        return Recorded(applied, amount_minor - applied)

    def take_back(self, back: Recorded) -> None:
        """Make money that was taken back due again, as far as it had been applied."""
        self._change_credit(-back.credit_minor)
        if back.applied_minor:
            everything = back.applied_minor == self.amount_paid_minor
            self._apply(Action.TAKE_ALL_BACK if everything else Action.TAKE_PART_BACK)
            self.amount_paid_minor -= back.applied_minor
            self.paid_at = None

    def refund(self, back: Recorded) -> None:
        """Record money that the merchant gave back: the state stays, and nothing is due again."""
        self._change_credit(-back.credit_minor)
        if back.applied_minor:
            self.refunded_minor += back.applied_minor
            self.version += 1

    def void(self) -> None:
        """Ends an issued invoice on which nothing is paid; INVOICE_NOT_VOIDABLE any other."""
        if (self.status, Action.VOID) not in TRANSITIONS:
            raise precondition("INVOICE_NOT_VOIDABLE", f"the invoice is {self.status.value}")
        self._apply(Action.VOID)
        self.transfer_claimed_at = None

    def claim_transfer(self, moment: datetime) -> bool:
        """The customer says she has sent it; False when she said so before. INVOICE_NOT_PAYABLE with nothing due."""
        if self.status not in PAYABLE:
            raise precondition("INVOICE_NOT_PAYABLE", f"the invoice is {self.status.value}")
        if self.transfer_claimed_at is not None:
            return False
        self.transfer_claimed_at = moment
        self.version += 1
        return True

    def reject_transfer(self) -> None:
        """It has not arrived; TRANSFER_NOT_CLAIMED when nobody said that it was sent."""
        if self.transfer_claimed_at is None:
            raise precondition("TRANSFER_NOT_CLAIMED", "nobody says that a transfer was sent")
        self.transfer_claimed_at = None
        self.version += 1

    def require_draft(self) -> None:
        """INVOICE_NOT_DRAFT unless it is one."""
        if self.status is not Status.DRAFT:
            raise precondition("INVOICE_NOT_DRAFT", f"the invoice is {self.status.value}, not a draft")

    def require_issued(self) -> None:
        """INVOICE_NOT_ISSUED while it is a draft."""
        if self.status is Status.DRAFT:
            raise precondition("INVOICE_NOT_ISSUED", "a draft has no document yet")

    def _change_credit(self, minor: int) -> None:
        if minor:
            self.credit_minor += minor
            self.version += 1

    def _apply(self, action: Action) -> None:
        self.status = TRANSITIONS[self.status, action]
        self.version += 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of one payment; minor units of the invoice's currency. `amount_due_minor` is what was left after it."""

    id: str
    business_id: str
    invoice_id: str
    invoice_number: str
    number: str
    token: str
    payment_id: str
    amount_minor: int
    currency: str
    channel: str
    reference: str
    paid_at: datetime
    amount_due_minor: int
    credit_minor: int = 0
    """What of it exceeded the amount due and became the customer's credit."""
    returned_minor: int = 0
    """What of it went back since."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """Money of a payment that went back to its payer: by a refund, a dispute, the provider or an undo; minor units.

    `reopens`: what had been applied of it is due again.
    """

    id: str
    business_id: str
    invoice_id: str
    payment_id: str
    cause: str
    cause_id: str
    amount_minor: int
    from_credit_minor: int
    from_applied_minor: int
    reopens: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to an invoice."""

    id: str
    kind: str
    occurred_at: datetime
    details: dict[str, str]
