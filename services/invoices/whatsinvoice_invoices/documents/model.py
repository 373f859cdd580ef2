"""What an invoice and a receipt show. Amounts are integers in minor units of the document's one currency."""

from dataclasses import dataclass
from datetime import date, datetime


class DocumentError(ValueError):
    """The document cannot be drawn: a logo that is no picture, or a currency without a known way to write it."""


@dataclass(frozen=True, slots=True)
class Business:
    """Who sells. `logo` holds a PNG or JPEG file within the limits of `logos`."""

    name: str
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    logo: bytes | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    name: str
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class BankDetails:
    bank: str
    account_name: str
    account_number: str


@dataclass(frozen=True, slots=True)
class Line:
    """`quantity` is printed as given, such as `2` or `1.5`; `total_minor` is before `discount_minor`, its own discount.

    `tax_label` names its tax, such as `Tax 7.5%`; empty without one.
    """

    description: str
    quantity: str
    unit_price_minor: int
    total_minor: int
    discount_minor: int = 0
    tax_label: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """An issued invoice; `taxes` are label and amount of each rate, such as `Tax 7.5%`.

    `subtotal_minor` is the sum of its lines, with their taxes where `prices_include_tax`. `standing` says what it is
    where nothing is due: `Paid in full`, or `Void`.
    """

    number: str
    issue_date: date
    due_date: date | None
    business: Business
    customer: Customer
    currency: str
    lines: tuple[Line, ...]
    subtotal_minor: int
    discount_minor: int
    taxes: tuple[tuple[str, int], ...]
    total_minor: int
    paid_minor: int
    due_minor: int
    prices_include_tax: bool = False
    standing: str = "Paid in full"
    refunded_minor: int = 0
    credit_minor: int = 0
    notes: str | None = None
    bank_details: BankDetails | None = None
    pay_url: str | None = None
    verify_url: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptDocument:
    """One payment; `paid_at` is aware, and shown in the zone it carries: give it in the business's."""

    number: str
    invoice_number: str
    business: Business
    customer: Customer
    currency: str
    amount_minor: int
    balance_due_minor: int
    method: str
    reference: str
    paid_at: datetime
    credit_minor: int = 0
    returned_minor: int = 0
    verify_url: str | None = None
