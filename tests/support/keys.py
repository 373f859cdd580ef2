"""Keys and tokens as the real issuers make them."""

import json
from typing import Any

from whatsinvoice_kit.rpc.identity import ServiceIdentity
from whatsinvoice_kit.rpc.tokens import USER_AUDIENCE, USER_ISSUER, generate_key, public_half, sign

ISSUERS = ("gateway", "auth", "invoices", "payments", "notifications")
ALL_SCOPES = (
    "business:read business:write invoices:read invoices:write payments:read payments:write messages:read "
    "refunds:write payout:write proof:fresh"
)
"""As after a confirmation."""


class Keyring:
    """A key for users' tokens and one for each service; `trusted` is what TRUSTED_KEYS holds."""

    def __init__(self) -> None:
        self.users = generate_key()
        self.services = {name: generate_key() for name in ISSUERS}

    @property
    def trusted(self) -> str:
        sets: dict[str, Any] = {f"whatsinvoice-{name}": key for name, key in self.services.items()}
        sets[USER_ISSUER] = self.users
        return json.dumps({issuer: {"keys": [public_half(key)]} for issuer, key in sets.items()})

    def user_token(
        self, business_id: str, user_id: str = "usr_0123456789abcdefghjkmnpqrs", scope: str = ALL_SCOPES
    ) -> str:
        """An access token as auth signs it."""
        claims = {"biz": business_id, "scope": scope, "sid": "ses_0123456789abcdefghjkmnpqrs"}
        return sign(self.users, issuer=USER_ISSUER, audience=USER_AUDIENCE, subject=user_id, seconds=600, **claims)

    def service_token(self, caller: str, callee: str, business_id: str = "") -> str:
        """A token that one service signs for another."""
        return ServiceIdentity(caller, self.services[caller]).token(callee, business_id)
