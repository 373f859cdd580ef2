"""Banks, and accounts with them."""

from dataclasses import dataclass, replace
from datetime import datetime

from whatsinvoice_kit.core.ids import new_id

TRANSFER_CURRENCIES = frozenset({"NGN", "GHS"})
"""Where Paystack takes bank transfers, into accounts for one payment and into accounts of a customer's own."""
SHOWN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Business:
    """What payments needs to know of a merchant, told by auth."""

    id: str
    name: str
    country: str
    currency: str
    version: int


@dataclass(frozen=True, slots=True)
class Bank:
    """`code` is what the provider calls it by."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class BankAccount:
    """`bank_code` may be empty for accounts of the provider's own."""

    bank_code: str
    bank_name: str
    account_number: str
    account_name: str

    def masked(self) -> "BankAccount":
        """As the merchant's own list shows it: the last four digits of its number."""
        return replace(self, account_number=self.account_number[-SHOWN_DIGITS:])


@dataclass(frozen=True, slots=True)
class TransferAccount:
    """An account of the provider that takes just the amount of one payment, until it expires."""

    payment_id: str
    business_id: str
    account: BankAccount
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class VirtualAccount:
    """An account of a customer's own. `customer_code` is the provider's; `subaccount_code` where its money goes."""

    id: str
    business_id: str
    customer_id: str
    customer_code: str
    account: BankAccount
    currency: str
    subaccount_code: str
    created_at: datetime

    @classmethod
    def of(
        cls,
        business_id: str,
        customer_id: str,
        customer_code: str,
        account: BankAccount,
        currency: str,
        at: datetime,
        *,
        subaccount_code: str = "",
    ) -> "VirtualAccount":
        return cls(new_id("vac"), business_id, customer_id, customer_code, account, currency, subaccount_code, at)
