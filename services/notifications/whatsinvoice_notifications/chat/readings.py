"""What a message can mean: one frozen dataclass per shape of reading, and the draft the bot last showed.

`to_dict()` of each gives the labelled JSON form. Money is in minor units, dates are calendar dates of the business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Need = Literal["customer_name", "phone", "amount", "prices", "due_date", "currency", "which_invoice"]
PlainIntent = Literal[
    "confirm_send",
    "undo",
    "summary_today",
    "balance",
    "request_statement",
    "opt_out",
    "opt_in",
    "help",
    "greeting",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Customer:
    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """`quantity` is a decimal string without trailing zeros; None where the message does not tell."""

    description: str
    quantity: str | None
    unit_price_minor: int | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "description": self.description,
            "quantity": self.quantity,
            "unit_price_minor": self.unit_price_minor,
        }


@dataclass(frozen=True, slots=True)
class Discount:
    """Exactly one of the two is set."""

    percent_bp: int | None = None
    amount_minor: int | None = None

    def to_dict(self) -> dict[str, int]:
        pairs = (("percent_bp", self.percent_bp), ("amount_minor", self.amount_minor))
        return {key: value for key, value in pairs if value is not None}


@dataclass(frozen=True, slots=True)
class Tax:
    rate_bp: int
    inclusive: bool = False

    def to_dict(self) -> dict[str, int | bool]:
        return {"rate_bp": self.rate_bp} | ({"inclusive": True} if self.inclusive else {})


@dataclass(frozen=True, slots=True)
class Withholding:
    """Tax that the payer withholds and pays to the state; it lowers what is due and is never a discount."""

    rate_bp: int

    def to_dict(self) -> dict[str, int]:
        return {"rate_bp": self.rate_bp}


@dataclass(frozen=True, slots=True)
class Draft:
    customer: Customer
    currency: str | None
    lines: tuple[Line, ...] = ()
    due_date: date | None = None
    discount: Discount | None = None
    tax: Tax | None = None
    needs: tuple[Need, ...] = ()
    withholding: Withholding | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the labelled form; `withholding` is there only when the message says it."""
        withholding = {"withholding": self.withholding.to_dict()} if self.withholding else {}
        return withholding | {
            "customer": {"name": self.customer.name, "phone": self.customer.phone, "email": self.customer.email},
            "currency": self.currency,
            "lines": [line.to_dict() for line in self.lines],
            "due_date": self.due_date.isoformat() if self.due_date else None,
            "discount": self.discount.to_dict() if self.discount else None,
            "tax": self.tax.to_dict() if self.tax else None,
            "needs": list(self.needs),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Draft":
        """Read back what `to_dict` wrote; KeyError or TypeError on any other shape."""
        return cls(
            customer=Customer(**data["customer"]),
            currency=data["currency"],
            lines=tuple(Line(**line) for line in data["lines"]),
            due_date=date.fromisoformat(data["due_date"]) if data["due_date"] else None,
            discount=Discount(**data["discount"]) if data["discount"] else None,
            tax=Tax(**data["tax"]) if data["tax"] else None,
            needs=tuple(data["needs"]),
            withholding=Withholding(**data["withholding"]) if data.get("withholding") else None,
        )


@dataclass(frozen=True, slots=True)
class Context:
    """What the bot showed last: a preview card, or a question about one of the draft's needs."""

    state: Literal["preview", "question"]
    draft: Draft
    asked: Need | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """A reading without slots."""

    intent: PlainIntent

    def to_dict(self) -> dict[str, Any]:
        return {"intent": self.intent}


@dataclass(frozen=True, slots=True)
class CreateInvoice:
    draft: Draft
    intent: Literal["create_invoice"] = "create_invoice"

    def to_dict(self) -> dict[str, Any]:
        return {"intent": self.intent, **self.draft.to_dict()}


@dataclass(frozen=True, slots=True)
class EditDraft:
    """`changes` holds the changed keys only, in the labelled form (money in minor units, dates as ISO text)."""

    changes: Mapping[str, Any]
    needs: tuple[Need, ...] = ()
    intent: Literal["edit_draft"] = "edit_draft"

    def to_dict(self) -> dict[str, Any]:
        return {"intent": self.intent, "changes": dict(self.changes), "needs": list(self.needs)}


@dataclass(frozen=True, slots=True)
class Who:
    """A customer as named in a command about an existing invoice."""

    name: str | None = None
    phone: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        return {"name": self.name, "phone": self.phone}


@dataclass(frozen=True, slots=True)
class ListUnpaid:
    customer: Who | None = None
    intent: Literal["list_unpaid"] = "list_unpaid"

    def to_dict(self) -> dict[str, Any]:
        return {"intent": self.intent, "customer": self.customer.to_dict() if self.customer else None}


@dataclass(frozen=True, slots=True)
class OnInvoice:
    """A merchant's command about one existing invoice."""

    intent: Literal["invoice_status", "remind", "cancel_invoice"]
    invoice_number: str | None = None
    customer: Who | None = None
    needs: tuple[Need, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "intent": self.intent,
            "invoice_number": self.invoice_number,
            "customer": self.customer.to_dict() if self.customer else None,
            "needs": list(self.needs),
        }


@dataclass(frozen=True, slots=True)
class RecordPayment:
    """`amount_minor` None means all that is due, unless `amount` is in `needs`."""

    invoice_number: str | None = None
    customer: Who | None = None
    amount_minor: int | None = None
    currency: str | None = None
    method: Literal["cash", "transfer", "pos"] | None = None
    needs: tuple[Need, ...] = ()
    intent: Literal["record_payment"] = field(default="record_payment")

    def to_dict(self) -> dict[str, Any]:
        return {
            "intent": self.intent,
            "invoice_number": self.invoice_number,
            "customer": self.customer.to_dict() if self.customer else None,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "method": self.method,
            "needs": list(self.needs),
        }


@dataclass(frozen=True, slots=True)
class CustomerPayment:
    """A customer who wants to pay, or who says that the money is sent."""

    intent: Literal["pay", "claim_paid"]
    invoice_number: str | None = None
    amount_minor: int | None = None
    currency: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "intent": self.intent,
            "invoice_number": self.invoice_number,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
        }


@dataclass(frozen=True, slots=True)
class RequestReceipt:
    invoice_number: str | None = None
    intent: Literal["request_receipt"] = "request_receipt"

    def to_dict(self) -> dict[str, Any]:
        return {"intent": self.intent, "invoice_number": self.invoice_number}


Reading = Plain | CreateInvoice | EditDraft | ListUnpaid | OnInvoice | RecordPayment | CustomerPayment | RequestReceipt
UNKNOWN = Plain("unknown")
