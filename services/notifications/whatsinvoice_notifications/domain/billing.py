"""Invoices and receipts as far as messages need them."""

from dataclasses import dataclass
from datetime import date

from whatsinvoice_kit.core.money import Money


@dataclass(frozen=True, slots=True)
class Line:
    description: str
    quantity: str
    unit_price_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """Money in minor units of `currency`; number and public_url are empty while a draft."""

    id: str
    number: str
    draft: bool
    customer_name: str
    customer_phone: str
    currency: str
    lines: tuple[Line, ...]
    discount_minor: int
    tax_minor: int
    total_minor: int
    due_minor: int
    due_date: date | None
    public_url: str
    settled: bool
    version: int

    def money(self, minor: int) -> str:
        """As people read it: `₦75,000.00`."""
        return str(Money(minor, self.currency))


@dataclass(frozen=True, slots=True)
class Receipt:
    """One payment; `due_minor` is what stays due after it, `credit_minor` what of it was more than was due."""

    id: str
    number: str
    payment_id: str
    amount_minor: int
    currency: str
    due_minor: int
    credit_minor: int
    public_url: str


@dataclass(frozen=True, slots=True)
class SentInvoice:
    """An invoice that a contact was sent and may still pay."""

    business_name: str
    number: str
    public_url: str
    due: Money


@dataclass(frozen=True, slots=True)
class Document:
    content: bytes
    file_name: str
