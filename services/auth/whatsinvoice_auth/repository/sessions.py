"""Sessions and their refresh tokens."""

from datetime import datetime

from sqlalchemy import Row, insert, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain import RefreshToken, Session
from whatsinvoice_auth.models import REFRESH_TOKENS, SESSIONS


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        row.id,
        row.user_id,
        row.business_id,
        row.expires_at,
        row.ended_at,
        row.created_at,
        row.used_at or row.created_at,
        row.user_agent,
    )


async def add_session(tx: Transaction, session: Session, moment: datetime) -> None:
    await tx.execute(
        insert(SESSIONS).values(
            id=session.id,
            user_id=session.user_id,
            business_id=session.business_id,
            created_at=moment,
            expires_at=session.expires_at,
            used_at=moment,
            user_agent=session.user_agent,
        )
    )


async def session(tx: Transaction, session_id: str) -> Session:
    """A session, locked until the transaction ends, so that its tokens are spent one after another."""
    return _session((await tx.execute(select(SESSIONS).where(SESSIONS.c.id == session_id).with_for_update())).one())


async def open_sessions(tx: Transaction, user_id: str, moment: datetime, before: str, limit: int) -> list[Session]:
    """A user's sessions, newest first, below an id when one is given."""
    rows = SESSIONS.c
    where = [rows.user_id == user_id, rows.ended_at.is_(None), rows.expires_at > moment]
    if before:
        where.append(rows.id < before)
    statement = select(SESSIONS).where(*where).order_by(rows.id.desc()).limit(limit)
    return [_session(row) for row in await tx.execute(statement)]


async def end_sessions(
    tx: Transaction, user_id: str, moment: datetime, *, only: str = "", besides: str = "", business_id: str = ""
) -> list[Session]:
    """Ends the open sessions of a user that fit, and gives them."""
    rows = SESSIONS.c
    where = [rows.user_id == user_id, rows.ended_at.is_(None), rows.expires_at > moment]
    where += [rows.id == only] if only else []
    where += [rows.id != besides] if besides else []
    where += [rows.business_id == business_id] if business_id else []
    ended = await tx.execute(update(SESSIONS).where(*where).values(ended_at=moment).returning(*rows))
    return [_session(row) for row in ended]


async def mark_used(tx: Transaction, session_id: str, moment: datetime) -> None:
    await tx.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(used_at=moment))


async def add_refresh_token(tx: Transaction, token_hash: bytes, session_id: str, device_id: str) -> None:
    values = {"token_hash": token_hash, "session_id": session_id, "device_id": device_id}
    await tx.execute(insert(REFRESH_TOKENS).values(values))


async def session_of_token(tx: Transaction, token_hash: bytes) -> str | None:
    statement = select(REFRESH_TOKENS.c.session_id).where(REFRESH_TOKENS.c.token_hash == token_hash)
    return (await tx.execute(statement)).scalar_one_or_none()


async def refresh_token(tx: Transaction, token_hash: bytes) -> RefreshToken:
    row = (await tx.execute(select(REFRESH_TOKENS).where(REFRESH_TOKENS.c.token_hash == token_hash))).one()
    return RefreshToken(row.session_id, row.device_id, row.spent_at)


async def spend_refresh_token(tx: Transaction, token_hash: bytes, device_id: str, moment: datetime) -> None:
    await tx.execute(
        update(REFRESH_TOKENS)
        .where(REFRESH_TOKENS.c.token_hash == token_hash)
        .values(spent_at=moment, device_id=device_id)
    )


async def move_tokens(tx: Transaction, from_id: str, to_id: str) -> None:
    """Let the refresh tokens of a session belong to another from now on."""
    rows = REFRESH_TOKENS.c
    await tx.execute(update(REFRESH_TOKENS).where(rows.session_id == from_id).values(session_id=to_id))
