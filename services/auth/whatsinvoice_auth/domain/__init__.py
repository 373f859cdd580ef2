"""Rules of identity: passwords, roles and scopes, refresh tokens, API keys. Pure: no input or output."""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from whatsinvoice_kit.core.errors import FieldViolation, Kind, ServiceError, invalid, precondition
from whatsinvoice_kit.core.money import MAX_MINOR, SYMBOLS
from whatsinvoice_kit.core.roles import KEY_SCOPES, SCOPES_OF_ROLE
from whatsinvoice_kit.core.text import visible

ACCESS_SECONDS = 600
SESSION_LIFE = timedelta(days=30)
RETRY_GRACE = timedelta(seconds=10)
FRESH_SECONDS = 300
"""How long a token of fresh proof lives."""
KEY_SECONDS = 120
"""How long the token that an API key is exchanged for lives; the gateway keeps it for a minute."""
REVOKED_FOR = timedelta(seconds=ACCESS_SECONDS + 60)
"""After that no token of an ended session or key is left, clocks that differ by a little included."""
MIN_PASSWORD, MAX_PASSWORD, MAX_NAME = 8, 128, 120


class Role(Enum):
    """A member's place in a business."""

    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    ACCOUNTANT = "accountant"


SCOPES: dict[Role, tuple[str, ...]] = {role: SCOPES_OF_ROLE[role.value] for role in Role}


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
    version: int
    chosen_business_id: str = ""
    """The business that a login and the chat act for; empty before a first choice."""


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
class Session:
    id: str
    user_id: str
    business_id: str
    expires_at: datetime
    ended_at: datetime | None
    created_at: datetime
    used_at: datetime
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token as it is kept: hashed, with the moment it was spent."""

    session_id: str
    device_id: str
    spent_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: its hash is the repository's affair."""

    id: str
    business_id: str
    user_id: str
    name: str
    scopes: tuple[str, ...]
    prefix: str
    last4: str
    created_at: datetime
    daily_refund_minor: int = 0
    """The sum of refunds that it may give a day; 0 without the scope."""


def acting_place(members: Sequence[Member], chosen_business_id: str) -> Member | None:
    """Return the place that a person acts in: the chosen one, else an owned one, else the only one; None otherwise."""
    owned = [member for member in members if member.role is Role.OWNER]
    for member in members:
        if member.business.id == chosen_business_id:
            return member
    if owned:
        return owned[0]
    return members[0] if len(members) == 1 else None


def check_password(password: str, *, name: str, phone: str, common: Container[str]) -> None:
    """8 to 128 characters with upper case, lower case and a digit, not common, holding neither the name nor the phone.

    Raises INVALID_ARGUMENT with one violation for each broken rule.
    """
    rules = (
        (MIN_PASSWORD <= len(password) <= MAX_PASSWORD, "PASSWORD_LENGTH", "use 8 to 128 characters"),
        (any(c.isupper() for c in password), "PASSWORD_NO_UPPER", "use an upper-case letter"),
        (any(c.islower() for c in password), "PASSWORD_NO_LOWER", "use a lower-case letter"),
        (any(c.isdigit() for c in password), "PASSWORD_NO_DIGIT", "use a digit"),
        (not common_forms(password, common), "PASSWORD_COMMON", "this is one of the first that anybody would try"),
        (
            not name.strip() or name.strip().lower() not in password.lower(),
            "PASSWORD_HOLDS_NAME",
            "leave your name out of it",
        ),
        (phone[-8:] not in password, "PASSWORD_HOLDS_PHONE", "leave your phone out of it"),
    )
    broken = tuple(FieldViolation("password", code, text) for kept, code, text in rules if not kept)
    if broken:
        raise ServiceError(Kind.INVALID_ARGUMENT, "PASSWORD_WEAK", "the password is too weak", broken)


_LEET = tuple(str.maketrans("01345$@7!", f"o{one}eassati") for one in "li")


def common_forms(password: str, common: Container[str]) -> bool:
    """Whether a common password is what is left without capitals, digits for letters, and what is stuck on its ends."""
    lower = password.lower()
    core = re.sub(r"^[\d\W_]+|[\d\W_]+$", "", lower)
    ends = re.sub(r"^\W+|[\d\W_]+$", "", lower)
    plain = (form.translate(letters) for form in (core, ends) for letters in _LEET)
    return any(form in common for form in (lower, core, *plain))


def check_name(field: str, name: str) -> str:
    """Return the name without invisible marks; INVALID_ARGUMENT unless 1 to 120 characters are left."""
    name = visible(name)
    if not name or len(name) > MAX_NAME:
        raise invalid(field, "NAME_INVALID", f"use 1 to {MAX_NAME} visible characters")
    return name


def country_of(code: str) -> Country:
    """The defaults of a country that we serve."""
    try:
        return COUNTRIES[code]
    except KeyError:
        raise invalid("country", "COUNTRY_UNKNOWN", f"use one of {', '.join(COUNTRIES)}") from None


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


def check_currency(code: str) -> str:
    """One that we carry."""
    if code not in SYMBOLS:
        raise invalid("currency", "CURRENCY_UNKNOWN", f"use one of {', '.join(SYMBOLS)}")
    return code


def check_scopes(asked: Iterable[str], held: Container[str]) -> tuple[str, ...]:
    """The scopes of a new API key, each once; INVALID_ARGUMENT for none or strange ones, PERMISSION_DENIED beyond."""
    scopes = tuple(sorted(set(asked)))
    if not scopes or not KEY_SCOPES.issuperset(scopes):
        raise invalid("scopes", "SCOPE_UNKNOWN", f"use some of {', '.join(sorted(KEY_SCOPES))}")
    if not all(scope in held for scope in scopes):
        raise ServiceError(Kind.PERMISSION_DENIED, "SCOPE_NOT_HELD", "a key cannot do more than you can")
    return scopes


def check_refund_limit(scopes: Container[str], daily_refund_minor: int) -> int:
    """Return the daily limit of a new API key's refunds; INVALID_ARGUMENT without one where it may give refunds."""
    if "refunds:write" not in scopes:
        return 0
    if not 0 < daily_refund_minor <= MAX_MINOR:
        message = "a key that gives refunds needs a daily limit in minor units"
        raise invalid("daily_refund_minor", "REFUND_LIMIT_REQUIRED", message)
    return daily_refund_minor


def check_place(actor: Role, member: Member, owners: int, role: Role | None) -> None:
    """Raise unless an actor may give a member another role (None: remove it); `owners` is the present number of owners.

    Only owners make and unmake owners, and the last one stays.
    """
    if Role.OWNER in (member.role, role) and actor is not Role.OWNER:
        raise ServiceError(Kind.PERMISSION_DENIED, "OWNER_REQUIRED", "only an owner may do that to an owner")
    if member.role is Role.OWNER and role is not Role.OWNER and owners <= 1:
        raise precondition("LAST_OWNER", "a business keeps at least one owner")


def api_key_of(key_id: str, secret: str, prefix: str) -> str:
    """The key of an id: 160 bits that nobody can tell without the secret, and the same when its answer is repeated."""
    digest = hmac.digest(secret.encode(), b"api-key:" + key_id.encode(), "sha256")
    return prefix + base64.b32encode(digest[:20]).decode().lower()
