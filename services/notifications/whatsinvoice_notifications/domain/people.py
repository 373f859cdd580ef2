"""Whom we write to and who writes to us."""

from collections.abc import Mapping, Sequence
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
    """False once the person left the business."""
    business_name: str
    country: str
    currency: str
    time_zone: str
    version: int


def acting_place(places: Sequence[Member], chosen_business_id: str) -> Member | None:
    """Return the place that a person's chat acts in: the chosen one, else an owned one, else the only one.

    None where the person has to choose first.
    """
    owned = [place for place in places if place.role == "owner"]
    for place in places:
        if place.business_id == chosen_business_id:
            return place
    if owned:
        return owned[0]
    return places[0] if len(places) == 1 else None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person on WhatsApp. The id is ours; the phone (E.164) may be unknown, WhatsApp's user id as well."""

    id: str
    phone: str
    user_id: str
    name: str
    changed_hands: tuple[str, ...] = ()
    """The contacts, this one or others, whose number another person holds by what this message shows."""


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
    sources: Sequence[str] = ()
    """The provider's ids of the messages that the card or the question came from."""
    updated_at: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        return self.state == "held" and (self.updated_at is None or moment - self.updated_at < HOLD)

    def current(self, business_id: str, moment: datetime) -> bool:
        fresh = self.updated_at is None or moment - self.updated_at < CARD_LIFE
        return self.state != "held" and fresh and self.business_id == business_id
