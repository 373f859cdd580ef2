"""Dedicated virtual accounts as Paystack keeps them: a bank account of one customer, for as long as it is active."""

import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .customers import Customer

CURRENCIES = ("NGN", "GHS")
_LAST_FIRST_ID = 90_000_000


@dataclass(frozen=True, slots=True)
class Provider:
    id: int
    name: str
    slug: str


PROVIDERS = {
    provider.slug: provider
    for provider in (
        Provider(1, "Access Bank", "access-bank"),
        Provider(20, "Wema Bank", "wema-bank"),
        Provider(5, "Test Bank", "test-bank"),
        Provider(629, "Paystack-Titan", "titan-paystack"),
    )
}


@dataclass(slots=True)
class DedicatedAccount:
    id: int
    customer: Customer
    bank: Provider
    currency: str
    subaccount: str | None = None
    active: bool = True
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def number(self) -> str:
        """Ten digits, as a NUBAN has; those of one-time accounts begin otherwise."""
        return f"98{self.id:08d}"

    @property
    def name(self) -> str:
        return f"SANDBOX/{self.customer.name.upper()}"


class DedicatedAccounts:
    def __init__(self) -> None:
        self._by_number: dict[str, DedicatedAccount] = {}
        # a sandbox that starts again does not give away the accounts that one before it gave
        self._ids = itertools.count(secrets.randbelow(_LAST_FIRST_ID) + 1)

    def assign(self, customer: Customer, bank: Provider, currency: str, subaccount: str | None) -> DedicatedAccount:
        """The customer's account at this bank; asked again, the same one."""
        for account in self._by_number.values():
            if account.active and (account.customer, account.bank, account.currency) == (customer, bank, currency):
                return account
        account = DedicatedAccount(next(self._ids), customer, bank, currency, subaccount)
        self._by_number[account.number] = account
        return account

    def by_id(self, account_id: int) -> DedicatedAccount | None:
        return next((account for account in self._by_number.values() if account.id == account_id), None)

    def by_number(self, number: str) -> DedicatedAccount | None:
        return self._by_number.get(number)

    def newest_first(self) -> list[DedicatedAccount]:
        return list(reversed(self._by_number.values()))

    def of_customer(self, customer: Customer) -> list[DedicatedAccount]:
        return [account for account in self._by_number.values() if account.active and account.customer is customer]
