"""Customers of a business."""

from dataclasses import dataclass
from datetime import datetime

from whatsinvoice_kit.core.errors import invalid

MAX_NAME = 120
MAX_EMAIL = 254


@dataclass(frozen=True, slots=True)
class CustomerInput:
    """A customer as somebody types her; the phone is E.164 by now, or empty."""

    name: str
    phone: str = ""
    email: str = ""

    def checked(self) -> "CustomerInput":
        """With its name trimmed; INVALID_ARGUMENT names the field that breaks a rule."""
        name = " ".join(self.name.split())
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise invalid("customer.name", "NAME_INVALID", f"use 1 to {MAX_NAME} visible characters")
        before, at, after = self.email.strip().rpartition("@")
        if self.email and not (before and at and "." in after and len(self.email) <= MAX_EMAIL):
            raise invalid("customer.email", "EMAIL_INVALID", "this is not an e-mail address")
        return CustomerInput(name, self.phone, self.email.strip().lower())


@dataclass(frozen=True, slots=True)
class Customer:
    """`version` grows by one with each change."""

    id: str
    business_id: str
    name: str
    phone: str
    email: str
    created_at: datetime
    version: int = 1
