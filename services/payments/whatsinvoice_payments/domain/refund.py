"""A refund: money of a payment that goes back to its payer because the merchant wants it, or did so at the provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid, precondition
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.core.money import MAX_MINOR

from whatsinvoice_payments.domain.payment import PAYSTACK, Payment, Status
from whatsinvoice_payments.domain.schedule import next_check

MAX_REASON = 200
MADE_ELSEWHERE = "made at the provider"
LEASE = timedelta(seconds=60)
"""How long one worker has a refund to itself; several times as long as a call of the provider may take."""
LATER_CHECKS = timedelta(days=1)
"""After the schedule of an attempt is over: banks take up to ten working days for a refund."""


@dataclass(frozen=True, slots=True)
class KeyLimit:
    """An API key that gives refunds, with the sum that it may give a day in minor units."""

    api_key_id: str
    daily_minor: int

    def check(self, given_minor: int, amount_minor: int) -> None:
        """RESOURCE_EXHAUSTED (REFUND_LIMIT_REACHED) when a refund would exceed the day's sum."""
        if given_minor + amount_minor > self.daily_minor:
            message = "the API key has reached the daily limit of its refunds; a person can give this one"
            raise ServiceError(Kind.RESOURCE_EXHAUSTED, "REFUND_LIMIT_REACHED", message, retry_after=3600)


class RefundStatus(Enum):
    """Where a refund stands. PENDING: wanted; the provider may not have heard of it yet."""

    PENDING = "pending"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"


_ON = frozenset({RefundStatus.PROCESSED, RefundStatus.FAILED})
TRANSITIONS: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.PENDING: _ON | {RefundStatus.PROCESSING, RefundStatus.NEEDS_ATTENTION},
    RefundStatus.PROCESSING: _ON | {RefundStatus.NEEDS_ATTENTION},
    # the payer's account was given, and it goes on
    RefundStatus.NEEDS_ATTENTION: _ON | {RefundStatus.PROCESSING},
    RefundStatus.PROCESSED: frozenset(),
    RefundStatus.FAILED: frozenset(),
}
UNFINISHED = tuple(status for status, following in TRANSITIONS.items() if following)


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """What the provider says of one; `note` is what the merchant's side wrote on it, minor units."""

    id: str
    status: RefundStatus
    amount_minor: int
    note: str


@dataclass(slots=True, kw_only=True)
class Refund:
    """`amount_minor` in the payment's currency; `failure` the provider's words. `provider_id`: None until it has it.

    `reopen`: the invoice is due again by it; otherwise it stays paid.
    """

    id: str
    business_id: str
    payment_id: str
    invoice_id: str
    status: RefundStatus
    currency: str
    amount_minor: int
    reason: str
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None
    reopen: bool = False
    api_key_id: str = ""
    """The API key that gave it; empty of a person."""
    failure: str = ""
    provider_id: str | None = None
    attempts: int = 0
    traceparent: str = ""
    ended_at: datetime | None = None
    version: int = 1

    @classmethod
    def of(
        cls, payment: Payment, amount_minor: int, reason: str, moment: datetime, *, reopen: bool = False
    ) -> "Refund":
        """Return one that is wanted, to be sent at once."""
        return cls(
            id=new_id("rfd"),
            business_id=payment.business_id,
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            status=RefundStatus.PENDING,
            currency=payment.currency,
            amount_minor=amount_minor,
            reason=reason,
            reopen=reopen,
            created_at=moment,
            updated_at=moment,
            next_attempt_at=moment,
            traceparent=payment.traceparent,
        )

    @property
    def ended(self) -> bool:
        """Processed or failed: nothing changes it any more."""
        return self.status not in UNFINISHED

    def accept(self, found: ProviderRefund) -> bool:
        """The provider has it, for the amount that it says; whether that was news."""
        if self.provider_id is not None or self.ended:
            return False
        self.provider_id, self.amount_minor = found.id, found.amount_minor
        return True

    def move(self, to: RefundStatus, moment: datetime, failure: str = "") -> bool:
        """What the provider says now; whether that was news. A word that comes too late changes nothing."""
        if to not in TRANSITIONS[self.status]:
            return False
        self.status, self.failure = to, failure
        if self.ended:
            self.ended_at, self.next_attempt_at = moment, None
        return True

    def plan(self, moment: datetime, scale: float) -> None:
        """When the provider is asked about it next, unless it has ended."""
        if not self.ended:
            following = next_check(self.created_at, moment, scale)
            self.next_attempt_at = following or moment + LATER_CHECKS * scale


def amount_of(payment: Payment, wanted_minor: int, bound_minor: int) -> int:
    """How much is to go back, minor units: what is wanted, 0 for all that is free.

    `bound_minor` is on its way back already or disputed.

    Raises:
        ServiceError: FAILED_PRECONDITION (PAYMENT_NOT_REFUNDABLE), INVALID_ARGUMENT (AMOUNT_INVALID, AMOUNT_TOO_LARGE).
    """
    if not 0 <= wanted_minor <= MAX_MINOR:
        raise invalid("amount_minor", "AMOUNT_INVALID", f"an amount is 1 to {MAX_MINOR} minor units")
    captured = payment.held or payment.status in (Status.SUCCEEDED, Status.REVERSED)
    if payment.provider != PAYSTACK or not captured or payment.left_minor <= 0:
        raise precondition("PAYMENT_NOT_REFUNDABLE", "nothing of this payment can be sent back by the provider")
    free = payment.left_minor - bound_minor
    if free <= 0 or wanted_minor > free:
        raise _too_large(max(free, 0))
    return wanted_minor or free


def _too_large(free_minor: int) -> ServiceError:
    return invalid("amount_minor", "AMOUNT_TOO_LARGE", f"{free_minor} minor units can be given back now")
