"""A payment: one attempt to collect what is due on an invoice, and the states that it passes through."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.mail import email_of

PAYSTACK, MANUAL = "paystack", "manual"
"""Who took the money: the provider, or the merchant herself."""
CHECKOUT, TRANSFER, DEPOSIT, BY_HAND = "checkout", "bank_transfer", "dedicated_nuban", "by_hand"
"""The means of payment: of the first two an invoice has one open attempt each."""
ACCOUNT, SUBACCOUNT = "account", "subaccount"
"""Who bears the provider's fees of a split payment: the platform, or the merchant."""
REUSED_FOR = timedelta(hours=20)
"""A checkout older than this is not handed out again."""
OPENING = timedelta(seconds=30)
"""How long one caller has an attempt to itself while it asks the provider; longer than a verify and an initialize."""
REFUSED_FOR = timedelta(minutes=1)
"""The provider is not asked again at once for what it has refused to open."""
SUPERSEDED = "superseded by another attempt"


class Status(Enum):
    """Where an attempt stands."""

    INITIALIZED = "initialized"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"
    REVERSED = "reversed"
    UNKNOWN = "unknown"
    QUARANTINED = "quarantined"


OPEN = frozenset({Status.INITIALIZED, Status.PENDING, Status.UNKNOWN})
_ENDS = frozenset({Status.SUCCEEDED, Status.FAILED, Status.ABANDONED, Status.REVERSED, Status.QUARANTINED})
_MONEY = frozenset({Status.SUCCEEDED, Status.REVERSED, Status.QUARANTINED})

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.INITIALIZED: _ENDS | {Status.PENDING, Status.UNKNOWN},
    Status.PENDING: _ENDS,
    Status.UNKNOWN: _ENDS,
    # A payer whose card was declined, or who went away, may come back to the same checkout and pay.
    Status.FAILED: _MONEY,
    Status.ABANDONED: _MONEY,
    # All of it went back to its payer.
    Status.SUCCEEDED: frozenset({Status.REVERSED}),
    Status.REVERSED: frozenset(),
    # A person has looked: applied after all, or given back.
    Status.QUARANTINED: frozenset({Status.SUCCEEDED, Status.REVERSED}),
}


@dataclass(frozen=True, slots=True)
class Payable:
    """What may be collected for an invoice's public link; `due_minor` is 0 when nothing may.

    `recorded_payment_ids` are the payments that `due_minor` takes into account.
    """

    business_id: str
    invoice_id: str
    due_minor: int
    currency: str
    customer_email: str
    public_url: str
    traceparent: str = ""
    """Of the invoice, which its payments go on with."""
    invoice_number: str = ""
    customer_name: str = ""
    recorded_payment_ids: frozenset[str] = frozenset()

    def email_for_provider(self, domain: str) -> str:
        """The provider insists on an address; one made from the invoice id where there is no usable one."""
        return email_of(self.customer_email) or f"{self.invoice_id}@{domain}"


@dataclass(slots=True, kw_only=True)
class Payment:
    """Amounts in minor units of `currency`.

    `settled_minor` is what counts for the invoice, None until it does; `paid_minor` what left the payer, including fees
    that the payer bore; `refunded_minor` what went back. `credit_minor` is what exceeded the amount due, as invoices
    reported it. `held`: captured, but in quarantine, so nothing counts. `split_subaccount` is where the money was asked
    to go, empty where nowhere else; `split_bearer` who was asked to bear the provider's fees of it.
    """

    id: str
    business_id: str
    invoice_id: str
    number: int
    reference: str
    status: Status
    currency: str
    asked_minor: int
    opening_until: datetime
    next_check_at: datetime | None
    created_at: datetime
    updated_at: datetime
    settled_minor: int | None = None
    paid_minor: int = 0
    refunded_minor: int = 0
    credit_minor: int = 0
    held: bool = False
    fees_minor: int = 0
    channel: str = ""
    means: str = ""
    split_subaccount: str = ""
    split_bearer: str = ""
    authorization_url: str = ""
    access_code: str = ""
    reason: str = ""
    provider: str = PAYSTACK
    note: str = ""
    paid_at: datetime | None = None
    traceparent: str = ""
    version: int = 1

    @classmethod
    def attempt(
        cls, payable: Payable, number: int, moment: datetime, first_check: datetime | None, means: str = CHECKOUT
    ) -> "Payment":
        """Return a new attempt, held by its caller; its reference is `<invoice id without prefix>.<number>`."""
        return cls(
            id=new_id("pay"),
            business_id=payable.business_id,
            invoice_id=payable.invoice_id,
            number=number,
            reference=f"{payable.invoice_id.partition('_')[2]}.{number}",
            status=Status.INITIALIZED,
            currency=payable.currency,
            asked_minor=payable.due_minor,
            opening_until=moment + OPENING,
            next_check_at=first_check,
            created_at=moment,
            updated_at=moment,
            traceparent=payable.traceparent,
            means=means,
        )

    @property
    def final(self) -> bool:
        """No charge that the provider reports later changes it; money that goes back still does."""
        return self.status in _MONEY

    @property
    def open(self) -> bool:
        """Nothing has come of it yet."""
        return self.status in OPEN

    @property
    def takes_transfer(self) -> bool:
        """Whether the provider has opened an account for a transfer of this attempt."""
        return self.means == TRANSFER and self.status is Status.PENDING

    def asks(self, payable: Payable) -> bool:
        """Whether it collects just what is due."""
        return (self.asked_minor, self.currency) == (payable.due_minor, payable.currency)

    def payable_again(self, payable: Payable, moment: datetime) -> bool:
        """Whether its checkout can be handed out once more; a transfer has none."""
        return self.status is Status.PENDING and bool(self.authorization_url) and self._serves(payable, moment)

    def may_be_opened(self, payable: Payable, moment: datetime) -> bool:
        """Whether it still waits for the provider to open it."""
        return self.status is Status.INITIALIZED and self._serves(payable, moment)

    def refused_lately(self, payable: Payable, moment: datetime) -> bool:
        """Whether the provider has just refused to open it for this very amount: it is not asked about any more."""
        refused = self.status is Status.FAILED and not self.authorization_url and self.next_check_at is None
        return refused and self.asks(payable) and moment - self.updated_at < REFUSED_FOR

    def _serves(self, payable: Payable, moment: datetime) -> bool:
        return self.asks(payable) and moment - self.created_at < REUSED_FOR

    def offer(self, authorization_url: str, access_code: str) -> None:
        """The provider made a checkout for it."""
        self._move(Status.PENDING)
        self.authorization_url, self.access_code = authorization_url, access_code

    def supersede(self) -> None:
        """Another attempt of the same means takes its place. It is asked about further: its payer may still pay it."""
        self._move(Status.ABANDONED, SUPERSEDED)

    def lose(self) -> None:
        """The provider knows the reference, but nobody knows the way to its checkout any more."""
        self._move(Status.UNKNOWN)

    @property
    def captured_minor(self) -> int:
        """What left the payer, minor units."""
        return self.paid_minor

    @property
    def left_minor(self) -> int:
        """What of the captured money can still go back to its payer, minor units."""
        return self.captured_minor - self.refunded_minor

    def succeed(self, settled_minor: int, paid_minor: int, fees_minor: int, channel: str, paid_at: datetime) -> None:
        """Money came, verified with the provider."""
        self._move(Status.SUCCEEDED)
        self.settled_minor, self.paid_minor, self.fees_minor = settled_minor, paid_minor, fees_minor
        self.channel, self.paid_at, self.reason, self.held = channel, paid_at, "", False

    def hold(self, paid_minor: int, fees_minor: int, channel: str, paid_at: datetime) -> None:
        """The provider has money of a quarantined payment: it counts for nothing, and can be given back."""
        self.held, self.paid_minor, self.fees_minor = True, paid_minor, fees_minor
        self.channel, self.paid_at = channel, paid_at

    def give_back(self, amount_minor: int, reason: str = "") -> int:
        """So much of a captured payment went back to its payer; how much of that had counted for the invoice.

        What she paid on top of it, for the provider's fees, goes back last. A payment of which nothing counts any more
        is reversed. ValueError for more than is left.
        """
        if not 0 < amount_minor <= self.left_minor:
            raise ValueError(f"{amount_minor} of {self.left_minor} cannot go back")
        settled = self.settled_minor or 0
        counted = min(amount_minor, max(settled - self.refunded_minor, 0))
        self.refunded_minor += amount_minor
        if self.status is Status.SUCCEEDED and self.refunded_minor >= settled:
            self._move(Status.REVERSED, reason)
        return counted

    def undo(self, reason: str) -> int:
        """Take back a payment that the merchant entered. Return the amount taken back, minor units."""
        amount = self.left_minor
        self.refunded_minor += amount
        self._move(Status.REVERSED, reason)
        return amount

    def fail(self, reason: str) -> None:
        """The payer's means were declined, or the provider refused to open it."""
        self._move(Status.FAILED, reason)

    def end_as(self, status: Status, reason: str) -> None:
        """Abandoned, reversed or quarantined: no money counts, and nobody asks again."""
        self._move(status, reason)
        self.next_check_at = None

    def _move(self, to: Status, reason: str = "") -> None:
        if to not in TRANSITIONS[self.status]:
            raise ValueError(f"a payment cannot go from {self.status.value} to {to.value}")
        self.status, self.reason = to, reason
        if self.final:
            self.next_check_at = None
