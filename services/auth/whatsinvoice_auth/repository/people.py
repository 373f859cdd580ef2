"""Users, businesses and places in them."""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain import Business, Member, Role, User
from whatsinvoice_auth.models import BUSINESSES, MEMBERS, USERS


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(row.id, row.phone, row.name, row.email, row.password_hash, row.version, row.chosen_business_id)


async def user_by_phone(tx: Transaction, phone: str) -> User | None:
    row = (await tx.execute(select(USERS).where(USERS.c.phone == phone))).one_or_none()
    return _user(row) if row else None


async def locked_user(tx: Transaction, user_id: str) -> User | None:
    """A user, locked until the transaction ends, so that password and sessions change one after another."""
    row = (await tx.execute(select(USERS).where(USERS.c.id == user_id).with_for_update())).one_or_none()
    return _user(row) if row else None


async def add_user(tx: Transaction, user: User) -> None:
    await tx.execute(
        insert(USERS).values(
            id=user.id,
            phone=user.phone,
            name=user.name,
            email=user.email,
            password_hash=user.password_hash,
            chosen_business_id=user.chosen_business_id,
        )
    )


async def set_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    await tx.execute(update(USERS).where(USERS.c.id == user_id).values(password_hash=password_hash))


async def add_owner(tx: Transaction, member: Member) -> None:
    """Add a user with a business and the place in it."""
    business = member.business
    await add_user(tx, member.user)
    await tx.execute(
        insert(BUSINESSES).values(
            id=business.id,
            name=business.name,
            country=business.country,
            currency=business.currency,
            time_zone=business.time_zone,
        )
    )
    await add_member(tx, member)


async def add_member(tx: Transaction, member: Member) -> None:
    values = {"id": member.id, "business_id": member.business.id, "user_id": member.user.id, "role": member.role.value}
    await tx.execute(insert(MEMBERS).values(values))


async def business(tx: Transaction, business_id: str) -> Business:
    row = (await tx.execute(select(BUSINESSES).where(BUSINESSES.c.id == business_id))).one()
    return Business(row.id, row.name, row.country, row.currency, row.time_zone, row.version)


async def members_of(tx: Transaction, user_id: str) -> list[Member]:
    """A user's places, the oldest first."""
    return await _members(tx, MEMBERS.c.user_id == user_id, order=MEMBERS.c.created_at)


async def business_members(tx: Transaction, business_id: str, *, before: str = "", limit: int = 0) -> list[Member]:
    """The people of a business, newest first; below an id and up to a limit when given."""
    where = [MEMBERS.c.business_id == business_id]
    if before:
        where.append(MEMBERS.c.id < before)
    return await _members(tx, *where, order=MEMBERS.c.id.desc(), limit=limit)


async def locked_members(tx: Transaction, business_id: str) -> list[Member]:
    """As business_members, and nobody else changes a place of this business until the transaction ends."""
    await tx.execute(select(BUSINESSES.c.id).where(BUSINESSES.c.id == business_id).with_for_update())
    return await business_members(tx, business_id)


async def _members(
    tx: Transaction, *where: ColumnElement[bool], order: ColumnElement[Any], limit: int = 0
) -> list[Member]:
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
    statement = select(*columns).select_from(joined).where(*where).order_by(order).limit(limit or None)
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


async def choose_business(tx: Transaction, user: User, business_id: str) -> User:
    """Keep the business that logins and the chat act for, and return the user as it then is."""
    version = user.version + 1
    await tx.execute(update(USERS).where(USERS.c.id == user.id).values(chosen_business_id=business_id, version=version))
    return replace(user, chosen_business_id=business_id, version=version)


async def set_role(tx: Transaction, member: Member, role: Role) -> Member:
    """The member as she then is."""
    await tx.execute(
        update(MEMBERS)
        .where(MEMBERS.c.id == member.id, MEMBERS.c.business_id == member.business.id)
        .values(role=role.value, version=MEMBERS.c.version + 1)
    )
    return replace(member, role=role, version=member.version + 1)


async def remove_member(tx: Transaction, member: Member) -> None:
    await tx.execute(delete(MEMBERS).where(MEMBERS.c.id == member.id, MEMBERS.c.business_id == member.business.id))


async def update_business(tx: Transaction, business_id: str, changes: dict[str, str]) -> None:
    """Business and places get a new version: what others hear of a place holds the business."""
    await tx.execute(
        update(BUSINESSES).where(BUSINESSES.c.id == business_id).values(version=BUSINESSES.c.version + 1, **changes)
    )
    await tx.execute(update(MEMBERS).where(MEMBERS.c.business_id == business_id).values(version=MEMBERS.c.version + 1))
