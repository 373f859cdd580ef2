"""A dispute: the payer's bank asks for money back, the merchant answers, the bank decides."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from whatsinvoice_kit.core.ids import new_id

from whatsinvoice_payments.domain.payment import Payment

ACCEPT, CONTEST = "accept", "contest"
MAX_MESSAGE = 1_000
LOSING = frozenset({"merchant-accepted", "auto-accepted"})
"""Resolutions after which the money goes back; the latter when nobody answered in time."""


class DisputeStatus(Enum):
    """Whose turn it is: the merchant's, the bank's, nobody's."""

    OPEN = "open"
    AWAITING = "awaiting"
    RESOLVED = "resolved"


TRANSITIONS: dict[DisputeStatus, frozenset[DisputeStatus]] = {
    DisputeStatus.OPEN: frozenset({DisputeStatus.AWAITING, DisputeStatus.RESOLVED}),
    # the bank may ask the merchant once more
    DisputeStatus.AWAITING: frozenset({DisputeStatus.OPEN, DisputeStatus.RESOLVED}),
    DisputeStatus.RESOLVED: frozenset(),
}
UNRESOLVED = (DisputeStatus.OPEN, DisputeStatus.AWAITING)


@dataclass(frozen=True, slots=True)
class ProviderDispute:
    """What the provider says of one. `offered_minor` is what is asked of the merchant, or what she gave up; None: all.

    The disputed amount itself is nowhere in its answers.
    """

    id: str
    status: DisputeStatus
    offered_minor: int | None
    category: str
    resolution: str
    due_at: datetime | None
    resolved_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Dispute:
    """`amount_minor` is disputed, `lost_minor` of it went back; `answer` what the merchant wants, empty until she says.

    `updated_at` is when somebody last looked at it.
    """

    id: str
    business_id: str
    payment_id: str
    invoice_id: str
    provider_id: str
    status: DisputeStatus
    currency: str
    amount_minor: int
    category: str
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    resolution: str = ""
    lost_minor: int = 0
    answer: str = ""
    answer_message: str = ""
    traceparent: str = ""
    resolved_at: datetime | None = None
    version: int = 1

    @classmethod
    def of(cls, payment: Payment, found: ProviderDispute, moment: datetime) -> "Dispute":
        """As it began, whatever became of it since."""
        return cls(
            id=new_id("dsp"),
            business_id=payment.business_id,
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            provider_id=found.id,
            status=DisputeStatus.OPEN,
            currency=payment.currency,
            amount_minor=_within(payment.left_minor, found.offered_minor),
            category=found.category,
            due_at=found.due_at,
            created_at=moment,
            updated_at=moment,
            traceparent=payment.traceparent,
        )

    @property
    def to_be_answered(self) -> bool:
        """The merchant has said what she wants, and the provider has not taken it yet."""
        return bool(self.answer) and self.status is DisputeStatus.OPEN

    def move(self, found: ProviderDispute, left_minor: int, moment: datetime) -> bool:
        """What the provider says now; whether its status is news. `left_minor` of the payment can still go back."""
        if self.status is DisputeStatus.RESOLVED:
            return False
        self.due_at, self.category = found.due_at or self.due_at, found.category or self.category
        if found.status not in TRANSITIONS[self.status]:
            return False
        self.status = found.status
        if self.status is DisputeStatus.RESOLVED:
            self.resolution, self.resolved_at = found.resolution, found.resolved_at or moment
            lost = _within(self.amount_minor, found.offered_minor)
            self.lost_minor = min(lost, left_minor) if self.resolution in LOSING else 0
        return True


def _within(most_minor: int, told_minor: int | None) -> int:
    return most_minor if told_minor is None else min(told_minor, most_minor)
