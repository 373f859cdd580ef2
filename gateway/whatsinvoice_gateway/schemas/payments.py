"""Bodies of payments and the ledger."""

from datetime import datetime

from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.schemas.base import Outgoing, moment


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
            paid_at=moment(message, "paid_time"),
            created_at=moment(message, "create_time"),
        )


class AccountOut(Outgoing):
    account: str
    currency: str
    balance_minor: int


class BalanceOut(Outgoing):
    """Debit positive, credit negative: per currency the accounts sum to zero."""

    accounts: list[AccountOut]

    @classmethod
    def of(cls, message: pb.GetBalanceResponse) -> "BalanceOut":
        return cls(
            accounts=[
                AccountOut(
                    account=item.account,
                    currency=item.balance.currency_code,
                    balance_minor=item.balance.amount_minor,
                )
                for item in message.balances
            ]
        )


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
