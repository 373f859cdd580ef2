"""What is held back because it contradicts what was asked, until a person has looked."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Kind(Enum):
    """What is held: a PAYMENT with its money, a REFERENCE that the provider has and we do not, or a WEBHOOK's word."""

    PAYMENT = "payment"
    REFERENCE = "reference"
    WEBHOOK = "webhook"


class Ruling(Enum):
    """What a person made of it; OPEN until one has."""

    OPEN = "open"
    RELEASED = "released"
    """Applied after all."""
    REFUNDED = "refunded"
    DISMISSED = "dismissed"
    """Nothing is to be done: a lie about money that was settled by the truth, or by hand at the provider."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why something is held; the amount in minor units where one was told. `webhook_id` is of the one that said it."""

    kind: Kind
    reference: str
    reason: str
    payment_id: str = ""
    business_id: str = ""
    amount_minor: int | None = None
    currency: str = ""
    webhook_id: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A finding as it is kept."""

    id: str
    finding: Finding
    ruling: Ruling
    created_at: datetime
    resolved_at: datetime | None
