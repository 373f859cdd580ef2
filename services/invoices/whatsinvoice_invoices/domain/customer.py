"""Customers of a business."""

from dataclasses import dataclass
from datetime import datetime

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.text import visible
from whatsinvoice_kit.mail import checked_email

MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class CustomerInput:
    """A customer as a merchant typed them; the phone is E.164 by now, or empty."""

    name: str
    phone: str = ""
    email: str = ""

    def checked(self) -> "CustomerInput":
        """Return it without invisible marks; INVALID_ARGUMENT names the field that breaks a rule."""
        name = visible(self.name)
        if not name or len(name) > MAX_NAME:
            raise invalid("customer.name", "NAME_INVALID", f"use 1 to {MAX_NAME} visible characters")
        return CustomerInput(name, self.phone, checked_email("customer.email", self.email))


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
