"""Bodies of banks and accounts."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.schemas.base import Incoming, Outgoing, moment

BankCode = Annotated[str, Field(min_length=1, max_length=20, description="As GET /v1/banks has it")]
AccountNumber = Annotated[str, Field(pattern=r"^\d{5,20}$")]


class BankOut(Outgoing):
    code: str
    name: str


class BanksOut(Outgoing):
    data: list[BankOut]

    @classmethod
    def of(cls, message: pb.ListBanksResponse) -> "BanksOut":
        return cls(data=[BankOut(code=bank.code, name=bank.name) for bank in message.banks])


class BankAccountOut(Outgoing):
    bank_code: str
    bank_name: str
    account_number: str
    account_name: str

    @classmethod
    def of(cls, message: pb.BankAccount) -> "BankAccountOut":
        return cls(
            bank_code=message.bank_code,
            bank_name=message.bank_name,
            account_number=message.account_number,
            account_name=message.account_name,
        )


class PayoutAccountIn(Incoming):
    bank_code: BankCode
    account_number: AccountNumber


class PayoutAccountOut(Outgoing):
    """Of the numbers the last four digits; `pending` takes the place of `active` at `pending_from`."""

    active: BankAccountOut | None
    pending: BankAccountOut | None
    pending_from: datetime | None

    @classmethod
    def of(cls, message: pb.GetPayoutAccountResponse | pb.SetPayoutAccountResponse) -> "PayoutAccountOut":
        return cls(
            active=BankAccountOut.of(message.active) if message.HasField("active") else None,
            pending=BankAccountOut.of(message.pending) if message.HasField("pending") else None,
            pending_from=moment(message, "pending_from_time"),
        )
