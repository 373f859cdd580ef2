"""API keys, kept hashed."""

from datetime import datetime

from sqlalchemy import ColumnElement, Row, insert, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain import ApiKey
from whatsinvoice_auth.models import API_KEYS

_LIVE = API_KEYS.c.revoked_at.is_(None)


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    scopes = tuple(row.scopes.split())
    return ApiKey(
        row.id,
        row.business_id,
        row.user_id,
        row.name,
        scopes,
        row.prefix,
        row.last4,
        row.created_at,
        row.daily_refund_minor,
    )


async def add_key(tx: Transaction, key: ApiKey, key_hash: bytes) -> None:
    await tx.execute(
        insert(API_KEYS).values(
            id=key.id,
            business_id=key.business_id,
            user_id=key.user_id,
            name=key.name,
            scopes=" ".join(key.scopes),
            key_hash=key_hash,
            prefix=key.prefix,
            last4=key.last4,
            daily_refund_minor=key.daily_refund_minor,
            created_at=key.created_at,
        )
    )


async def key_by_hash(tx: Transaction, key_hash: bytes) -> ApiKey | None:
    """A key that is not revoked."""
    row = (await tx.execute(select(API_KEYS).where(API_KEYS.c.key_hash == key_hash, _LIVE))).one_or_none()
    return _key(row) if row else None


async def live_keys(tx: Transaction, business_id: str, before: str, limit: int) -> list[ApiKey]:
    """The keys of a business that are not revoked, newest first, below an id when one is given."""
    where = [API_KEYS.c.business_id == business_id, _LIVE]
    if before:
        where.append(API_KEYS.c.id < before)
    statement = select(API_KEYS).where(*where).order_by(API_KEYS.c.id.desc()).limit(limit)
    return [_key(row) for row in await tx.execute(statement)]


async def revoke_keys(
    tx: Transaction, moment: datetime, *, business_id: str = "", key_id: str = "", user_id: str = ""
) -> list[str]:
    """Revoke the live keys that fit every given id, and return their ids."""
    where: list[ColumnElement[bool]] = [_LIVE]
    where += [API_KEYS.c.business_id == business_id] if business_id else []
    where += [API_KEYS.c.id == key_id] if key_id else []
    where += [API_KEYS.c.user_id == user_id] if user_id else []
    statement = update(API_KEYS).where(*where).values(revoked_at=moment).returning(API_KEYS.c.id)
    return list((await tx.execute(statement)).scalars())
