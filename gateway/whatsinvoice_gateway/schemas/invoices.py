"""Bodies of invoices."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator
from whatsinvoice.invoices.v1 import invoices_pb2 as pb

from whatsinvoice_gateway.schemas.base import Currency, Day, Incoming, Minor, Outgoing, moment
from whatsinvoice_gateway.schemas.customers import CustomerIn, CustomerOut

BasisPoints = Annotated[int, Field(strict=True, ge=0, le=10_000, description="750 is 7.5 %")]
StatusName = Literal["draft", "open", "partially_paid", "paid", "void", "uncollectible"]
MAX_LINES = 200


class DiscountIn(Incoming):
    """Exactly one of the two."""

    percent_bp: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    amount_minor: Minor | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "DiscountIn":
        if (self.percent_bp is None) == (self.amount_minor is None):
            raise ValueError("give exactly one of percent_bp and amount_minor")
        return self

    def message(self) -> pb.Discount:
        if self.percent_bp is not None:
            return pb.Discount(percent_bp=self.percent_bp)
        return pb.Discount(amount_minor=self.amount_minor or 0)


class LineIn(Incoming):
    description: str = Field(min_length=1, max_length=500)
    quantity: str = Field(default="1", pattern=r"^\d{1,13}(\.\d{1,3})?$", description="Decimal with up to 3 places")
    unit_price_minor: Minor
    discount: DiscountIn | None = None
    tax_rate_bp: BasisPoints = 0

    def message(self) -> pb.LineInput:
        return pb.LineInput(
            description=self.description,
            quantity=self.quantity,
            unit_price_minor=self.unit_price_minor,
            discount=self.discount.message() if self.discount else None,
            tax_rate_bp=self.tax_rate_bp,
        )


class InvoiceIn(Incoming):
    customer_id: str | None = Field(default=None, min_length=1, max_length=64)
    customer: CustomerIn | None = None
    currency: Currency | None = None
    lines: list[LineIn] = Field(min_length=1, max_length=MAX_LINES)
    discount: DiscountIn | None = None
    prices_include_tax: bool = False
    issue_date: Day | None = None
    due_date: Day | None = None
    terms_days: Annotated[int, Field(strict=True, ge=0, le=365)] | None = None
    notes: str = Field(default="", max_length=2_000)
    reference: str = Field(default="", max_length=100)
    issue: bool = False

    def message(self) -> pb.CreateInvoiceRequest:
        return pb.CreateInvoiceRequest(
            customer_id=self.customer_id or "",
            customer=self.customer.message() if self.customer else None,
            currency_code=self.currency or "",
            lines=[line.message() for line in self.lines],
            discount=self.discount.message() if self.discount else None,
            prices_include_tax=self.prices_include_tax,
            issue_date=self.issue_date.isoformat() if self.issue_date else "",
            due_date=self.due_date.isoformat() if self.due_date else "",
            terms_days=self.terms_days or 0,
            notes=self.notes,
            reference=self.reference,
            issue=self.issue,
        )


class LineOut(Outgoing):
    description: str
    quantity: str
    unit_price_minor: int
    amount_minor: int
    discount_minor: int
    tax_rate_bp: int
    tax_minor: int
    total_minor: int


class WarningOut(Outgoing):
    """What the maker of an invoice should know of, such as characters that the PDF cannot show."""

    field: str
    code: str
    message: str


class InvoiceOut(Outgoing):
    id: str
    number: str | None
    status: StatusName
    overdue: bool
    customer: CustomerOut
    currency: str
    lines: list[LineOut]
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    amount_paid_minor: int
    amount_due_minor: int
    refunded_minor: int
    credit_minor: int
    prices_include_tax: bool
    issue_date: date | None
    due_date: date | None
    notes: str
    reference: str
    public_url: str | None
    pdf_url: str | None
    issued_at: datetime | None
    paid_at: datetime | None
    transfer_claimed_at: datetime | None
    created_at: datetime | None
    version: int
    warnings: list[WarningOut]

    @classmethod
    def of(cls, message: pb.Invoice) -> "InvoiceOut":
        lines = [
            LineOut.model_construct(
                description=line.description,
                quantity=line.quantity,
                unit_price_minor=line.unit_price_minor,
                amount_minor=line.amount_minor,
                discount_minor=line.discount_minor,
                tax_rate_bp=line.tax_rate_bp,
                tax_minor=line.tax_minor,
                total_minor=line.total_minor,
            )
            for line in message.lines
        ]
        return cls.model_construct(
            id=message.id,
            number=message.number or None,
            status=status_name(message.status),
            overdue=message.overdue,
            customer=CustomerOut.of(message.customer),
            currency=message.currency_code,
            lines=lines,
            subtotal_minor=message.subtotal_minor,
            discount_minor=message.discount_minor,
            tax_minor=message.tax_minor,
            total_minor=message.total_minor,
            amount_paid_minor=message.amount_paid_minor,
            amount_due_minor=message.amount_due_minor,
            refunded_minor=message.refunded_minor,
            credit_minor=message.credit_minor,
            prices_include_tax=message.prices_include_tax,
            issue_date=date.fromisoformat(message.issue_date) if message.issue_date else None,
            due_date=date.fromisoformat(message.due_date) if message.due_date else None,
            notes=message.notes,
            reference=message.reference,
            public_url=message.public_url or None,
            pdf_url=message.pdf_url or None,
            issued_at=moment(message, "issue_time"),
            paid_at=moment(message, "paid_time"),
            transfer_claimed_at=moment(message, "transfer_claim_time"),
            created_at=moment(message, "create_time"),
            version=message.version,
            warnings=[WarningOut(field=one.field, code=one.code, message=one.message) for one in message.warnings],
        )


def status_name(value: "pb.InvoiceStatus.ValueType") -> str:
    """INVOICE_STATUS_PARTIALLY_PAID as partially_paid."""
    return pb.InvoiceStatus.Name(value).removeprefix("INVOICE_STATUS_").lower()


class InvoiceEventOut(Outgoing):
    id: str
    kind: str
    occurred_at: datetime | None
    details: dict[str, str]

    @classmethod
    def of(cls, message: pb.InvoiceEvent) -> "InvoiceEventOut":
        return cls(
            id=message.id,
            kind=message.kind,
            occurred_at=moment(message, "occur_time"),
            details=dict(message.details),
        )


class InvoiceEventsOut(Outgoing):
    data: list[InvoiceEventOut]
