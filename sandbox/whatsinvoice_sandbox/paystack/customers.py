"""Customers as Paystack keeps them: one per e-mail address, made by the first transaction or by hand."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(slots=True)
class Customer:
    id: int
    code: str
    email: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    metadata: Any = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """What an account for this customer is called."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.email.partition("@")[0]


class Customers:
    def __init__(self) -> None:
        self._by_email: dict[str, Customer] = {}
        self._by_code: dict[str, Customer] = {}

    def of_email(self, email: str) -> Customer:
        """The customer with this address, made if there is none."""
        known = self._by_email.get(email)
        if known is None:
            known = Customer(len(self._by_email) + 1, f"CUS_{secrets.token_hex(8)[:15]}", email)
            self._by_email[email] = self._by_code[known.code] = known
        return known

    def by_id(self, customer_id: str) -> Customer | None:
        return next((customer for customer in self._by_email.values() if str(customer.id) == customer_id), None)

    def find(self, code_or_email: str) -> Customer | None:
        return self._by_code.get(code_or_email) or self._by_email.get(code_or_email)
