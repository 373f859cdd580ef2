"""Whom we write to and who writes to us."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

NOTIFIED_ROLES = ("owner", "admin")
CARD_LIFE = timedelta(hours=24)
"""A draft or a question that was shown longer ago is no context for what is written now."""
HOLD = timedelta(hours=24)
"""A number that changed hands acts for no business so long, neither the old one nor the new."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person's place in a business, as auth told it last."""

    id: str
    business_id: str
    user_id: str
    phone: str
    name: str
    role: str
    active: bool
    """Still there, and the phone is proven."""
    business_name: str
    country: str
    currency: str
    time_zone: str
    version: int


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody on WhatsApp. The id is ours; the phone (E.164) may be unknown, WhatsApp's user id as well."""

    id: str
    phone: str
    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a merchant was last shown: a preview card (with its draft invoice), or a question about a draft.

    `held` stands in its place after the number changed hands.
    """

    contact_id: str
    business_id: str
    state: Literal["preview", "question", "held"]
    draft: Mapping[str, Any]
    asked: str = ""
    invoice_id: str = ""
    updated_at: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        return self.state == "held" and (self.updated_at is None or moment - self.updated_at < HOLD)

    def current(self, business_id: str, moment: datetime) -> bool:
        fresh = self.updated_at is None or moment - self.updated_at < CARD_LIFE
        return self.state != "held" and fresh and self.business_id == business_id
