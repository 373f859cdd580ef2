"""API keys: making, listing, revoking, and exchanging for short access tokens."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError, not_found, unauthenticated
from whatsinvoice_kit.core.ids import is_id, new_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth import domain
from whatsinvoice_auth.domain import ApiKey
from whatsinvoice_auth.repository import keys
from whatsinvoice_auth.service.access import Signer, revoke
from whatsinvoice_auth.service.paging import check_page
from whatsinvoice_auth.service.sessions import member_of

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Creator:
    """The person who makes a key, with the scopes of the token."""

    user_id: str
    business_id: str
    scopes: Container[str]


@dataclass(frozen=True, slots=True)
class NewKey:
    """The wanted key; `daily_refund_minor` counts with the scope refunds:write."""

    name: str
    scopes: Sequence[str]
    daily_refund_minor: int


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Keys that start with `prefix` (wi_live_); made with the secret, kept hashed."""

    signer: Signer
    secret: str
    prefix: str

    def text_of(self, key_id: str) -> str:
        """The key itself, for the one answer that shows it."""
        return domain.api_key_of(key_id, self.secret, self.prefix)

    async def create(self, tx: Transaction, creator: Creator, given: NewKey) -> ApiKey:
        """Make a key with scopes that its creator holds; one that gives refunds has a daily limit."""
        name = domain.check_name("name", given.name)
        scopes = domain.check_scopes(given.scopes, creator.scopes)
        limit = domain.check_refund_limit(scopes, given.daily_refund_minor)
        key_id = new_id("key")
        text = self.text_of(key_id)
        prefix = text[: len(self.prefix) + SHOWN]
        key = ApiKey(key_id, creator.business_id, creator.user_id, name, scopes, prefix, text[-SHOWN:], now(), limit)
        await keys.add_key(tx, key, domain.hash_of(text))
        return key

    async def exchange(self, tx: Transaction, text: str) -> str:
        """An access token that lives for two minutes, with those of the key's scopes that its creator still holds."""
        key = await keys.key_by_hash(tx, domain.hash_of(text))
        if key is None:
            raise unauthenticated("API_KEY_INVALID", "the API key is not valid")
        try:
            member = await member_of(tx, key.user_id, key.business_id)
        except ServiceError as error:
            raise unauthenticated("API_KEY_INVALID", "the API key is not valid") from error
        scopes = [scope for scope in key.scopes if scope in domain.SCOPES[member.role]]
        limit = {"refunds": str(key.daily_refund_minor)} if key.daily_refund_minor else {}
        return self.signer.access_token(member, key.id, scopes, domain.KEY_SECONDS, **limit)


async def list_keys(tx: Transaction, business_id: str, limit: int, cursor: str) -> tuple[list[ApiKey], str]:
    """A page of the keys that are not revoked, newest first, and the cursor of the next."""
    limit = check_page("key", limit, cursor)
    found = await keys.live_keys(tx, business_id, cursor, limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


async def revoke_key(tx: Transaction, business_id: str, key_id: str) -> None:
    """Ends a key of the business, and within a second the tokens it was exchanged for."""
    revoked = await keys.revoke_keys(tx, now(), business_id=business_id, key_id=key_id) if is_id("key", key_id) else []
    if not revoked:
        raise not_found("API_KEY_NOT_FOUND", "there is no such API key")
    await revoke(tx, (), revoked)
