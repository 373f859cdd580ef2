"""Roles of members and the scopes of each: one table for the API and for services that act on a member's word."""

from collections.abc import Mapping

_SELF = ("account:self",)
"""One's own sessions, password and places: of every person, and of no API key."""
_READ = ("business:read", "invoices:read", "payments:read", "messages:read")
_WRITE = ("business:write", "invoices:write", "payments:write", "messages:write")
_ALL = (*_SELF, *_READ, *_WRITE, "refunds:write", "payout:write", "members:read", "members:write", "keys:write")
SCOPES_OF_ROLE: Mapping[str, tuple[str, ...]] = {
    "owner": _ALL,
    "admin": _ALL,
    "staff": (*_SELF, *_READ, "invoices:write", "messages:write"),
    "accountant": (*_SELF, *_READ),
}
FRESH_PROOF = "proof:fresh"
"""Of a token that its person confirmed by password or code within five minutes; no role and no API key holds it."""
KEY_SCOPES = frozenset((*_READ, *_WRITE, "refunds:write"))
"""Scopes that an API key may hold; it manages neither people nor keys nor the payout account."""
