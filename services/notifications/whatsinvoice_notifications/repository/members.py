"""Members, as auth told them."""

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications.domain.people import NOTIFIED_ROLES, Member
from whatsinvoice_notifications.models import CHOSEN_PLACES, MEMBERS


async def put_member(tx: Transaction, member: Member) -> None:
    """Keeps the newest version; an older one that comes late changes nothing."""
    values = asdict(member)
    statement = insert(MEMBERS).values(values)
    newer = {name: statement.excluded[name] for name in values if name != "id"}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_=newer, where=MEMBERS.c.version < statement.excluded.version
        )
    )


async def put_choice(tx: Transaction, user_id: str, business_id: str, version: int) -> None:
    """Keep the business that a person chose; an older choice that comes late changes nothing."""
    statement = insert(CHOSEN_PLACES).values(user_id=user_id, business_id=business_id, version=version)
    newer = {"business_id": business_id, "version": version}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id"], set_=newer, where=CHOSEN_PLACES.c.version < statement.excluded.version
        )
    )


async def places_of_phone(tx: Transaction, phone: str) -> tuple[list[Member], str]:
    """Return the active places of the person with this phone, the oldest first, and the id of the chosen business."""
    statement = (
        select(MEMBERS, CHOSEN_PLACES.c.business_id.label("chosen"))
        .outerjoin(CHOSEN_PLACES, CHOSEN_PLACES.c.user_id == MEMBERS.c.user_id)
        .where(MEMBERS.c.phone == phone, MEMBERS.c.active)
        .order_by(MEMBERS.c.id)
    )
    rows = (await tx.execute(statement)).all()
    chosen = rows[0].chosen or "" if rows else ""
    return [Member(**{column.name: getattr(row, column.name) for column in MEMBERS.c}) for row in rows], chosen


async def all_phones(tx: Transaction, business_id: str) -> list[str]:
    """The phones of all active members of a business, whatever their role."""
    statement = select(MEMBERS.c.phone).where(MEMBERS.c.business_id == business_id, MEMBERS.c.active)
    return sorted(set((await tx.execute(statement)).scalars()))


async def zone_of(tx: Transaction, business_id: str) -> tuple[str, str]:
    """The name of a business and its time zone (IANA); UTC before any member is known."""
    statement = select(MEMBERS.c.business_name, MEMBERS.c.time_zone).where(MEMBERS.c.business_id == business_id)
    row = (await tx.execute(statement.order_by(MEMBERS.c.version.desc()).limit(1))).one_or_none()
    return (row.business_name, row.time_zone) if row else ("your business", "UTC")


async def notified_phones(tx: Transaction, business_id: str) -> list[str]:
    """The phones of a business's active owners and admins."""
    statement = select(MEMBERS.c.phone).where(
        MEMBERS.c.business_id == business_id, MEMBERS.c.active, MEMBERS.c.role.in_(NOTIFIED_ROLES)
    )
    return sorted(set((await tx.execute(statement)).scalars()))
