"""The shapes of Paystack's answers about refunds and disputes, as far as they are used."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from whatsinvoice_payments.clients.paystack_shapes import Amount, Moment, Shape, Text
from whatsinvoice_payments.domain.dispute import DisputeStatus, ProviderDispute
from whatsinvoice_payments.domain.refund import ProviderRefund, RefundStatus

REFUND_WORDS = {
    "pending": RefundStatus.PENDING,
    "processing": RefundStatus.PROCESSING,
    "processed": RefundStatus.PROCESSED,
    "failed": RefundStatus.FAILED,
    "needs-attention": RefundStatus.NEEDS_ATTENTION,
}
DISPUTE_WORDS = {
    "awaiting-merchant-feedback": DisputeStatus.OPEN,
    "pending": DisputeStatus.OPEN,
    "awaiting-bank-feedback": DisputeStatus.AWAITING,
    "resolved": DisputeStatus.RESOLVED,
    # filed away some time after it was resolved
    "archived": DisputeStatus.RESOLVED,
}


def _refund_status(word: object) -> RefundStatus:
    if not isinstance(word, str) or word not in REFUND_WORDS:
        raise ValueError("not a known status")
    return REFUND_WORDS[word]


def _dispute_status(word: object) -> DisputeStatus:
    if not isinstance(word, str) or word not in DISPUTE_WORDS:
        raise ValueError("not a known status")
    return DISPUTE_WORDS[word]


class RefundData(Shape):
    """`data` of POST /refund and of its retry, and one of GET /refund."""

    id: int
    status: Annotated[RefundStatus, BeforeValidator(_refund_status)]
    amount: Annotated[Amount, Field(gt=0)]
    merchant_note: Text | None = None
    transaction_reference: Text | None = None

    def as_refund(self) -> ProviderRefund:
        return ProviderRefund(str(self.id), self.status, self.amount, self.merchant_note or "")


class RefundPage(Shape):
    """`data` of GET /refund, under a name."""

    refunds: list[RefundData]


class BankNumber(Shape):
    """One of GET /bank, by the number that refunds want."""

    id: int
    code: Text


class BankNumbers(Shape):
    """`data` of GET /bank, under a name."""

    banks: list[BankNumber]


class Disputed(Shape):
    """The transaction within a dispute."""

    reference: Text


class DisputeData(Shape):
    """`data` of GET /dispute/:id, and one of the list."""

    id: int
    status: Annotated[DisputeStatus, BeforeValidator(_dispute_status)]
    transaction: Disputed
    refund_amount: Amount | None = None
    resolution: Text | None = None
    category: Text | None = None
    dueAt: Moment = None  # noqa: N815  (Paystack names it)
    resolvedAt: Moment = None  # noqa: N815  (as above)

    def as_dispute(self) -> ProviderDispute:
        return ProviderDispute(
            str(self.id),
            self.status,
            self.refund_amount or None,
            self.category or "",
            self.resolution or "",
            self.dueAt,
            self.resolvedAt,
        )


class DisputePage(Shape):
    """`data` of GET /dispute, under a name."""

    disputes: list[DisputeData]


class Upload(Shape):
    """`data` of GET /dispute/:id/upload_url."""

    signedUrl: Annotated[str, Field(min_length=1, max_length=2_000)]  # noqa: N815  (Paystack names it)
    fileName: Annotated[Text, Field(min_length=1)]  # noqa: N815  (as above)
