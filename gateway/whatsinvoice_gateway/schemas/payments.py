"""Bodies of payments and the ledger."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.money import MAX_MINOR

from whatsinvoice_gateway.schemas.base import Incoming, Moment, Outgoing, moment, stamp

Positive = Annotated[int, Field(strict=True, ge=1, le=MAX_MINOR, description="Minor units")]
PaymentStatusName = Literal[
    "initialized", "pending", "succeeded", "failed", "abandoned", "reversed", "unknown", "quarantined"
]
AccountName = Literal[
    "paystack_clearing", "bank", "cash", "receivable", "customer_credit", "fees", "refunds", "disputes"
]


class PaymentIn(Incoming):
    """Money that the merchant took; without an amount, all that is due."""

    amount_minor: Positive | None = None
    method: Literal["cash", "bank_transfer", "pos", "other"]
    paid_at: Moment | None = Field(default=None, description="Now unless told")
    note: str = Field(default="", max_length=200)
    as_credit: bool = Field(
        default=False, description="Allows more than is due: the rest becomes the customer's credit"
    )

    def message(self, invoice_id: str) -> pb.RecordPaymentRequest:
        return pb.RecordPaymentRequest(
            invoice_id=invoice_id,
            amount_minor=self.amount_minor or 0,
            method=self.method,
            paid_time=stamp(self.paid_at),
            note=self.note,
            as_credit=self.as_credit,
        )


class TransferIn(Incoming):
    amount_minor: Positive | None = None
    as_credit: bool = Field(
        default=False, description="Allows more than is due: the rest becomes the customer's credit"
    )


class UndoIn(Incoming):
    reason: str = Field(min_length=1, max_length=200)


class PaymentOut(Outgoing):
    id: str
    invoice_id: str
    status: str
    amount_minor: int
    fees_minor: int
    currency: str
    channel: str | None
    provider: str
    reference: str
    refunded_minor: int
    credit_minor: int
    reason: str | None
    paid_at: datetime | None
    created_at: datetime | None

    @classmethod
    def of(cls, message: pb.Payment) -> "PaymentOut":
        return cls(
            id=message.id,
            invoice_id=message.invoice_id,
            status=pb.PaymentStatus.Name(message.status).removeprefix("PAYMENT_STATUS_").lower(),
            amount_minor=message.amount.amount_minor,
            fees_minor=message.fees_minor,
            currency=message.amount.currency_code,
            channel=message.channel or None,
            provider=message.provider,
            reference=message.reference,
            refunded_minor=message.refunded_minor,
            credit_minor=message.credit_minor,
            reason=message.reason or None,
            paid_at=moment(message, "paid_time"),
            created_at=moment(message, "create_time"),
        )


class AccountOut(Outgoing):
    account: str
    currency: str
    balance_minor: int


def _accounts(balances: Iterable[pb.AccountBalance]) -> list[AccountOut]:
    return [
        AccountOut(account=item.account, currency=item.balance.currency_code, balance_minor=item.balance.amount_minor)
        for item in balances
    ]


class BalanceOut(Outgoing):
    """Debit positive, credit negative: per currency the accounts sum to zero."""

    accounts: list[AccountOut]

    @classmethod
    def of(cls, message: pb.GetBalanceResponse) -> "BalanceOut":
        return cls(accounts=_accounts(message.balances))


class LedgerEntryOut(Outgoing):
    id: str
    entry_set_id: str
    account: str
    amount_minor: int
    currency: str
    payment_id: str | None
    invoice_id: str | None
    created_at: datetime | None

    @classmethod
    def of(cls, message: pb.LedgerEntry) -> "LedgerEntryOut":
        return cls(
            id=message.id,
            entry_set_id=message.entry_set_id,
            account=message.account,
            amount_minor=message.amount.amount_minor,
            currency=message.amount.currency_code,
            payment_id=message.payment_id or None,
            invoice_id=message.invoice_id or None,
            created_at=moment(message, "create_time"),
        )


class StatementOut(Outgoing):
    """One account, or all, over a span: what was there before, each entry (oldest first), what was there after."""

    opening: list[AccountOut]
    closing: list[AccountOut]
    data: list[LedgerEntryOut]
    next_cursor: str | None

    @classmethod
    def of(cls, message: pb.GetStatementResponse) -> "StatementOut":
        return cls(
            opening=_accounts(message.opening),
            closing=_accounts(message.closing),
            data=[LedgerEntryOut.of(entry) for entry in message.entries],
            next_cursor=message.page.next_cursor or None,
        )
