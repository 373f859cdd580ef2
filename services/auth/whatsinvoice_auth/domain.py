"""The rules of identity: passwords, roles and scopes, one-time codes, refresh tokens. No input or output."""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from whatsinvoice_kit.core.errors import FieldViolation, Kind, ServiceError, invalid

ACCESS_SECONDS = 600
SESSION_LIFE = timedelta(days=30)
CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = 5
RETRY_GRACE = timedelta(seconds=10)
MIN_PASSWORD, MAX_PASSWORD, MAX_NAME = 8, 128, 120


class Role(Enum):
    """A member's place in a business."""

    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    ACCOUNTANT = "accountant"


_READ = ("business:read", "invoices:read", "payments:read", "messages:read")
_ALL = (*_READ, "business:write", "members:write", "invoices:write", "payments:write", "messages:write")
SCOPES: dict[Role, tuple[str, ...]] = {
    Role.OWNER: _ALL,
    Role.ADMIN: _ALL,
    Role.STAFF: (
        "business:read",
        "invoices:read",
        "invoices:write",
        "payments:read",
        "messages:read",
        "messages:write",
    ),
    Role.ACCOUNTANT: _READ,
}


@dataclass(frozen=True, slots=True)
class Country:
    """Defaults of a business there."""

    currency: str
    time_zone: str


COUNTRIES = {
    "NG": Country("NGN", "Africa/Lagos"),
    "GH": Country("GHS", "Africa/Accra"),
    "KE": Country("KES", "Africa/Nairobi"),
    "ZA": Country("ZAR", "Africa/Johannesburg"),
}


@dataclass(frozen=True, slots=True)
class User:
    id: str
    phone: str
    name: str
    email: str
    password_hash: str
    phone_verified: bool
    version: int


@dataclass(frozen=True, slots=True)
class Business:
    id: str
    name: str
    country: str
    currency: str
    time_zone: str
    version: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user's place in a business."""

    id: str
    user: User
    business: Business
    role: Role
    version: int


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code; its digits are derived from its id and stored nowhere."""

    id: str
    user_id: str
    tries: int
    expires_at: datetime

    def usable(self, moment: datetime) -> bool:
        return self.tries < CODE_TRIES and moment < self.expires_at


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    user_id: str
    business_id: str
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token as it is kept: hashed, with the moment it was spent."""

    session_id: str
    device_id: str
    spent_at: datetime | None


def check_password(password: str, *, name: str, phone: str) -> None:
    """8 to 128 characters with upper case, lower case and a digit, holding neither the name nor the phone.

    Raises INVALID_ARGUMENT with one violation for each broken rule.
    """
    rules = (
        (MIN_PASSWORD <= len(password) <= MAX_PASSWORD, "PASSWORD_LENGTH", "use 8 to 128 characters"),
        (any(c.isupper() for c in password), "PASSWORD_NO_UPPER", "use an upper-case letter"),
        (any(c.islower() for c in password), "PASSWORD_NO_LOWER", "use a lower-case letter"),
        (any(c.isdigit() for c in password), "PASSWORD_NO_DIGIT", "use a digit"),
        (name.strip().lower() not in password.lower(), "PASSWORD_HOLDS_NAME", "leave your name out of it"),
        (phone[-8:] not in password, "PASSWORD_HOLDS_PHONE", "leave your phone out of it"),
    )
    broken = tuple(FieldViolation("password", code, text) for kept, code, text in rules if not kept)
    if broken:
        raise ServiceError(Kind.INVALID_ARGUMENT, "PASSWORD_WEAK", "the password is too weak", broken)


def check_name(field: str, name: str) -> str:
    """1 to 120 visible characters; gives it trimmed."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise invalid(field, "NAME_INVALID", f"use 1 to {MAX_NAME} visible characters")
    return name


def country_of(code: str) -> Country:
    """The defaults of a country that we serve."""
    try:
        return COUNTRIES[code]
    except KeyError:
        raise invalid("country", "COUNTRY_UNKNOWN", f"use one of {', '.join(COUNTRIES)}") from None


def digits_of(code_id: str, secret: str) -> str:
    """The six digits of a code: unpredictable without the secret, and the same whenever they have to be sent again."""
    digest = hmac.digest(secret.encode(), b"code:" + code_id.encode(), "sha256")
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06}"


def first_refresh_token() -> str:
    """256 random bits, as text."""
    return _text(os.urandom(32))


def next_refresh_token(token: str, secret: str) -> str:
    """The one child of a refresh token, so that a device which lost the answer can be given the same one."""
    return _text(hmac.digest(secret.encode(), b"refresh:" + token.encode(), "sha256"))


def hash_of(token: str) -> bytes:
    """How a refresh token is kept; it has 256 bits of its own, so it needs no salt."""
    return hashlib.sha256(token.encode()).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
