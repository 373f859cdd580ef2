"""Transfers into an account that the provider opens for one payment."""

from dataclasses import dataclass
from datetime import datetime

from whatsinvoice_payments.domain.bank_account import BankAccount
from whatsinvoice_payments.domain.payment import Payment


@dataclass(frozen=True, slots=True)
class OpenTransfer:
    """A payment whose account takes one transfer until it expires; the provider has no call that closes it."""

    payment: Payment
    account: BankAccount
    expires_at: datetime
