"""The only SQL of auth: rows <-> records."""

from datetime import datetime

from sqlalchemy import Row, delete, insert, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain import Business, Code, Member, RefreshToken, Role, Session, User
from whatsinvoice_auth.models import BUSINESSES, CODES, MEMBERS, REFRESH_TOKENS, SESSIONS, USERS


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.id, row.phone, row.name, row.email, row.password_hash, row.phone_verified, row.version)


async def user_by_phone(tx: Transaction, phone: str) -> User | None:
    row = (await tx.execute(select(USERS).where(USERS.c.phone == phone))).one_or_none()
    return _user(row) if row else None


async def add_owner(tx: Transaction, member: Member) -> None:
    """Adds a user, her business, and her place in it."""
    user, business = member.user, member.business
    await tx.execute(
        insert(USERS).values(
            id=user.id, phone=user.phone, name=user.name, email=user.email, password_hash=user.password_hash
        )
    )
    await tx.execute(
        insert(BUSINESSES).values(
            id=business.id,
            name=business.name,
            country=business.country,
            currency=business.currency,
            time_zone=business.time_zone,
        )
    )
    values = {"id": member.id, "business_id": business.id, "user_id": user.id, "role": member.role.value}
    await tx.execute(insert(MEMBERS).values(values))


async def forget_unverified(tx: Transaction, user_id: str) -> None:
    """Removes a registration whose phone was never proven, with the business that only it belongs to."""
    owned = select(MEMBERS.c.business_id).where(MEMBERS.c.user_id == user_id)
    await tx.execute(delete(BUSINESSES).where(BUSINESSES.c.id.in_(owned)))
    await tx.execute(delete(USERS).where(USERS.c.id == user_id, USERS.c.phone_verified.is_(False)))


async def members_of(tx: Transaction, user_id: str) -> list[Member]:
    """A user's places, the oldest first."""
    columns = (
        *USERS.c,
        BUSINESSES.c.name.label("business_name"),
        BUSINESSES.c.country,
        BUSINESSES.c.currency,
        BUSINESSES.c.time_zone,
        BUSINESSES.c.version.label("business_version"),
        MEMBERS.c.id.label("member_id"),
        MEMBERS.c.business_id,
        MEMBERS.c.role,
        MEMBERS.c.version.label("member_version"),
    )
    joined = MEMBERS.join(USERS, USERS.c.id == MEMBERS.c.user_id).join(
        BUSINESSES, BUSINESSES.c.id == MEMBERS.c.business_id
    )
    statement = select(*columns).select_from(joined).where(MEMBERS.c.user_id == user_id).order_by(MEMBERS.c.created_at)
    return [
        Member(
            row.member_id,
            _user(row),
            Business(
                row.business_id, row.business_name, row.country, row.currency, row.time_zone, row.business_version
            ),
            Role(row.role),
            row.member_version,
        )
        for row in await tx.execute(statement)
    ]


async def mark_verified(tx: Transaction, user_id: str) -> None:
    """The phone is proven; user and places get a new version."""
    await tx.execute(
        update(USERS).where(USERS.c.id == user_id).values(phone_verified=True, version=USERS.c.version + 1)
    )
    await tx.execute(update(MEMBERS).where(MEMBERS.c.user_id == user_id).values(version=MEMBERS.c.version + 1))


async def replace_code(tx: Transaction, code: Code) -> None:
    """A user has one code at a time."""
    await tx.execute(delete(CODES).where(CODES.c.user_id == code.user_id))
    await tx.execute(insert(CODES).values(id=code.id, user_id=code.user_id, expires_at=code.expires_at))


async def code_of(tx: Transaction, user_id: str) -> Code | None:
    """The user's code, locked until the transaction ends so that tries are counted one after another."""
    row = (await tx.execute(select(CODES).where(CODES.c.user_id == user_id).with_for_update())).one_or_none()
    return Code(row.id, row.user_id, row.tries, row.expires_at) if row else None


async def count_try(tx: Transaction, code_id: str) -> None:
    await tx.execute(update(CODES).where(CODES.c.id == code_id).values(tries=CODES.c.tries + 1))


async def drop_code(tx: Transaction, code_id: str) -> None:
    await tx.execute(delete(CODES).where(CODES.c.id == code_id))


async def add_session(tx: Transaction, session: Session, moment: datetime) -> None:
    await tx.execute(
        insert(SESSIONS).values(
            id=session.id,
            user_id=session.user_id,
            business_id=session.business_id,
            created_at=moment,
            expires_at=session.expires_at,
        )
    )


async def session(tx: Transaction, session_id: str) -> Session:
    """A session, locked until the transaction ends, so that its tokens are spent one after another."""
    row = (await tx.execute(select(SESSIONS).where(SESSIONS.c.id == session_id).with_for_update())).one()
    return Session(row.id, row.user_id, row.business_id, row.expires_at, row.ended_at)


async def end_session(tx: Transaction, session_id: str, moment: datetime) -> None:
    await tx.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(ended_at=moment))


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
