"""Verifications: requests that a one-time code proves. A code proves the request with its id and no other."""

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = 5
CODES_A_MINUTE, CODES_AN_HOUR = 6, 12
"""Messages with a code that a phone receives unasked. Beyond them a request waits for `CODE <tag>`."""
KEPT = timedelta(days=1)
"""How long a verification can be sent again."""
TAG_CHARACTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O, which people confuse."""
TAG_LENGTH = 4


class Purpose(Enum):
    """What a verification is for."""

    REGISTER = "register"
    RESET_PASSWORD = "reset_password"  # noqa: S105  (a purpose, no secret)
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class PendingRegistration:
    """What a person gave to register. It becomes an account when the code proves it, and not before."""

    name: str
    email: str
    password_hash: str
    business_name: str
    country: str


@dataclass(frozen=True, slots=True)
class Verification:
    """A request that waits for its code; the digits are derived from the id and stored nowhere."""

    id: str
    tag: str
    phone: str
    purpose: Purpose
    requested_at: datetime
    expires_at: datetime
    sent: bool
    """Whether a message with its code was due; not beyond the limits of a phone."""
    user_id: str = ""
    """The person who confirms; empty for other purposes."""
    registration: PendingRegistration | None = None
    tries: int = 0
    claimed: bool = False
    """Whether the phone's holder wrote `CODE <tag>`: strangers' failures do not touch it."""
    ended: bool = False
    """Proven or replaced."""

    def usable(self, moment: datetime) -> bool:
        """Return whether its code can still prove it."""
        return not self.ended and self.tries < CODE_TRIES and moment < self.expires_at


def digits_of(verification_id: str, secret: str) -> str:
    """Return the six digits of a verification: unpredictable without the secret, the same whenever they are sent."""
    digest = hmac.digest(secret.encode(), b"code:" + verification_id.encode(), "sha256")
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06}"


def wait_for_message(before: Sequence[datetime], moment: datetime) -> int:
    """Return the seconds until a phone may receive another code unasked (0: now).

    `before` are the times of the last ones within an hour, newest first.
    """
    waits = [0.0]
    for count, window in ((CODES_A_MINUTE, timedelta(minutes=1)), (CODES_AN_HOUR, timedelta(hours=1))):
        if len(before) >= count:
            waits.append((before[count - 1] + window - moment).total_seconds())
    return math.ceil(max(waits))
