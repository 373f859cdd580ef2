"""What the pay page says about a payment and whether it looks again: decided here, shown by the template."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_kit.core.text import is_clean

LOOKS = 10
"""So often a page that waits looks again by itself; after that its payer decides."""
LONGEST_REFERENCE = 100
PAYABLE = (pb.INVOICE_STATUS_OPEN, pb.INVOICE_STATUS_PARTIALLY_PAID)


class Notice(Enum):
    """What the page says of the attempt that its payer comes from."""

    NONE = ""
    CONFIRMING = "confirming"
    RECORDING = "recording"
    QUIET = "quiet"
    RECEIVED = "received"
    FAILED = "failed"
    ABANDONED = "abandoned"
    RETURNED = "returned"
    UNDER_REVIEW = "under_review"
    REFUNDED = "refunded"


_NOTICES = {
    payments_pb2.ATTEMPT_OUTCOME_UNSPECIFIED: Notice.NONE,
    payments_pb2.ATTEMPT_OUTCOME_CONFIRMING: Notice.CONFIRMING,
    payments_pb2.ATTEMPT_OUTCOME_SUCCEEDED: Notice.RECORDING,
    payments_pb2.ATTEMPT_OUTCOME_FAILED: Notice.FAILED,
    payments_pb2.ATTEMPT_OUTCOME_ABANDONED: Notice.ABANDONED,
    payments_pb2.ATTEMPT_OUTCOME_RETURNED: Notice.RETURNED,
    payments_pb2.ATTEMPT_OUTCOME_UNDER_REVIEW: Notice.UNDER_REVIEW,
    payments_pb2.ATTEMPT_OUTCOME_REFUNDED: Notice.REFUNDED,
}


@dataclass(frozen=True, slots=True)
class Return:
    """How a payer comes back to the page: the reference in its address, and how often the page has looked already."""

    reference: str = ""
    looks: int = 0

    @classmethod
    def of(cls, reference: str, looks: str) -> "Return":
        """Read both from an address, where anybody may write anything."""
        known = reference if len(reference) <= LONGEST_REFERENCE and is_clean(reference) else ""
        count = int(looks) if looks.isascii() and looks.isdigit() and len(looks) < LONGEST_REFERENCE else 0
        return cls(known, min(count, LOOKS))


@dataclass(frozen=True, slots=True)
class State:
    """`waiting`: the page looks again, and offers no other way to pay meanwhile. `offers`: it shows the ways to pay."""

    notice: Notice
    waiting: bool
    offers: bool


def state_of(
    status: "pb.InvoiceStatus.ValueType",
    options: payments_pb2.GetPaymentOptionsResponse | None,
    back: Return,
    recorded: Collection[str],
) -> State:
    """Decide what the page shows. `options` is None while payments is away; `recorded` references have a receipt."""
    if options is not None and options.under_review:
        return State(Notice.UNDER_REVIEW, waiting=False, offers=False)
    if status not in PAYABLE:
        return State(Notice.NONE, waiting=False, offers=False)
    notice = _notice(options, back.reference)
    if notice is Notice.RECORDING and back.reference in recorded:
        notice = Notice.RECEIVED
    if notice not in (Notice.CONFIRMING, Notice.RECORDING):
        return State(notice, waiting=False, offers=True)
    if back.looks < LOOKS:
        return State(notice, waiting=True, offers=False)
    return State(
        Notice.QUIET if notice is Notice.CONFIRMING else notice, waiting=False, offers=notice is not Notice.RECORDING
    )


def _notice(options: payments_pb2.GetPaymentOptionsResponse | None, reference: str) -> Notice:
    if not reference:
        return Notice.NONE
    return Notice.CONFIRMING if options is None else _NOTICES[options.outcome]
