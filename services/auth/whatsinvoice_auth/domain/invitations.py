"""Invitations: places in a business that are offered to the holder of a phone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from whatsinvoice_auth.domain import Role

LIFE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open offer. Its id is told to members of the business and to the holder of the phone alone."""

    id: str
    business_id: str
    business_name: str
    inviter_name: str
    phone: str
    name: str
    """As the inviter wrote it."""
    role: Role
    created_at: datetime
    expires_at: datetime
