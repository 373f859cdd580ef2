"""What the provider says of a transaction, whether that agrees with what was asked, and what of it counts."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from whatsinvoice_payments.domain.payment import SUBACCOUNT, Payment


class ChargeStatus(Enum):
    """The provider's word, as far as it matters. OPEN: the payer may still pay."""

    SUCCESS = "success"
    FAILED = "failed"
    REVERSED = "reversed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Split:
    """Where the provider sends the money of a charge: a subaccount, and its share in minor units."""

    subaccount: str
    share_minor: int


@dataclass(frozen=True, slots=True)
class Charge:
    """A verified answer. Minor units; `paid_minor` is what left the payer, `requested_minor` what was asked of her.

    `transaction_id` is the provider's own name for it, empty where it gave none. `abandoned`: open, and the provider's
    word is that its payer went away.
    """

    reference: str
    status: ChargeStatus
    paid_minor: int
    requested_minor: int | None
    fees_minor: int
    currency: str
    channel: str
    paid_at: datetime | None
    words: str
    transaction_id: str = ""
    abandoned: bool = False
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signed webhook says of a charge; None and empty where it says nothing that can be read."""

    reference: str
    amount_minor: int | None
    currency: str


def is_captured(payment: Payment, charge: Charge) -> bool:
    """Whether the provider has money of this very payment, in its currency, whatever else contradicts."""
    ours = (charge.reference, charge.currency) == (payment.reference, payment.currency)
    return ours and charge.status is ChargeStatus.SUCCESS and 0 <= charge.fees_minor < charge.paid_minor


def contradiction(payment: Payment, charge: Charge, claim: Claim | None) -> str:
    """Why money that came cannot be what was asked for; empty when it can."""
    claimed_amount = claim.amount_minor if claim else None
    claimed_currency = claim.currency if claim else ""
    findings = (
        (charge.reference != payment.reference, f"verified reference {charge.reference!r}"),
        (charge.currency != payment.currency, f"verified currency {charge.currency!r}, asked {payment.currency}"),
        (
            charge.requested_minor is not None and charge.requested_minor < payment.asked_minor,
            f"verified request of {charge.requested_minor}, asked {payment.asked_minor}",
        ),
        (
            not charge.fees_minor <= charge.paid_minor or charge.paid_minor == 0,
            f"verified amount {charge.paid_minor} with fees of {charge.fees_minor}",
        ),
        (
            claimed_amount not in (None, charge.paid_minor),
            f"signed amount {claimed_amount}, verified {charge.paid_minor}",
        ),
        (
            claimed_currency not in ("", charge.currency),
            f"signed currency {claimed_currency!r}, verified {charge.currency!r}",
        ),
        (
            charge.split != asked_split(payment, charge),
            f"verified split {charge.split}, asked {asked_split(payment, charge)}",
        ),
    )
    return "; ".join(words for found, words in findings if found)


def asked_split(payment: Payment, charge: Charge) -> Split | None:
    """Return the split that the payment asked for: all of the amount, less the fees where the merchant bears them."""
    if not payment.split_subaccount:
        return None
    borne = charge.fees_minor if payment.split_bearer == SUBACCOUNT else 0
    return Split(payment.split_subaccount, charge.paid_minor - borne)


def settled_minor(charge: Charge) -> int:
    """What counts for the invoice.

    Less than requested counts as it is; up to the fees above it, the payer bore the fees and the request counts; more
    than that is an overpayment and counts whole (Paystack's `requested_amount`, which is absent on some channels).
    """
    requested = charge.paid_minor if charge.requested_minor is None else charge.requested_minor
    if requested <= charge.paid_minor <= requested + charge.fees_minor:
        return requested
    return charge.paid_minor
