"""Bodies of refunds and disputes."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.schemas.banks import AccountNumber, BankCode
from whatsinvoice_gateway.schemas.base import Incoming, Outgoing, moment
from whatsinvoice_gateway.schemas.payments import Positive


class RefundIn(Incoming):
    """Without an amount, all that is left of the payment. The invoice stays paid unless it is to `reopen`."""

    amount_minor: Positive | None = None
    reason: str = Field(default="", max_length=200)
    reopen: bool = Field(default=False, description="The invoice is due again by the amount")


class RefundRetryIn(Incoming):
    """The payer's account, for a refund that needs attention."""

    bank_code: BankCode
    account_number: AccountNumber


class RefundOut(Outgoing):
    id: str
    payment_id: str
    invoice_id: str | None
    status: Literal["pending", "processing", "processed", "failed", "needs_attention"]
    amount_minor: int
    currency: str
    reason: str
    reopen: bool
    failure: str | None
    created_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, message: pb.Refund) -> "RefundOut":
        return cls.model_construct(
            id=message.id,
            payment_id=message.payment_id,
            invoice_id=message.invoice_id or None,
            status=pb.RefundStatus.Name(message.status).removeprefix("REFUND_STATUS_").lower(),
            amount_minor=message.amount.amount_minor,
            currency=message.amount.currency_code,
            reason=message.reason,
            reopen=message.reopen,
            failure=message.failure or None,
            created_at=moment(message, "create_time"),
            ended_at=moment(message, "end_time"),
        )


class ContestIn(Incoming):
    message: str = Field(min_length=1, max_length=1_000, description="What the merchant says, beside the evidence")


class DisputeOut(Outgoing):
    id: str
    payment_id: str
    invoice_id: str | None
    status: Literal["open", "awaiting", "resolved"]
    amount_minor: int
    currency: str
    category: str
    due_at: datetime | None
    lost_minor: int
    created_at: datetime | None
    resolved_at: datetime | None

    @classmethod
    def of(cls, message: pb.Dispute) -> "DisputeOut":
        return cls.model_construct(
            id=message.id,
            payment_id=message.payment_id,
            invoice_id=message.invoice_id or None,
            status=pb.DisputeStatus.Name(message.status).removeprefix("DISPUTE_STATUS_").lower(),
            amount_minor=message.amount.amount_minor,
            currency=message.amount.currency_code,
            category=message.category,
            due_at=moment(message, "due_time"),
            lost_minor=message.lost_minor,
            created_at=moment(message, "create_time"),
            resolved_at=moment(message, "resolve_time"),
        )
