"""Contacts: found by phone or by WhatsApp's user id, whichever is known."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Row, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications.domain.people import Contact
from whatsinvoice_notifications.models import CONTACTS, MESSAGES


async def contact_for(tx: Transaction, phone: str, name: str = "") -> str:
    """The id of the contact with this phone, who exists once we mean to write to her."""
    values = {"id": new_id("con"), "phone": phone, "name": name}
    await tx.execute(insert(CONTACTS).values(values).on_conflict_do_nothing(index_elements=["phone"]))
    found: str = (await tx.execute(select(CONTACTS.c.id).where(CONTACTS.c.phone == phone))).scalar_one()
    return found


async def seen(tx: Transaction, phone: str, user_id: str, name: str, at: datetime) -> Contact:
    """Return the contact who wrote, with the 24-hour window opened at that moment. Keep what is new about the contact.

    Phone and user id may be known as two contacts until a message shows both: then they become one. A phone whose known
    user id is another one changed hands, and so did the former phone of a user id that comes with a new phone.
    """
    wanted = or_(CONTACTS.c.phone == (phone or None), CONTACTS.c.user_id == (user_id or None))
    rows = (await tx.execute(select(CONTACTS).where(wanted).order_by(CONTACTS.c.id).with_for_update())).all()
    by_phone = next((row for row in rows if phone and row.phone == phone), None)
    by_user = next((row for row in rows if user_id and row.user_id == user_id), None)
    changed = [by_phone.id] if by_phone and by_phone.user_id and user_id and by_phone.user_id != user_id else []
    moved = by_user is not None and bool(phone and by_user.phone) and by_user.phone != phone
    if by_user is not None and (moved or (by_phone and by_phone.id != by_user.id)):
        await _give_up_user_id(tx, by_user, by_phone.id if by_phone else "")
    if moved and by_user is not None:
        changed.append(by_user.id)
        by_user = None
    known = by_phone or by_user
    if known is None:
        contact = Contact(new_id("con"), phone, user_id, name)
        values = {"id": contact.id, "phone": phone or None, "user_id": user_id or None, "name": name}
        await tx.execute(insert(CONTACTS).values(**values, last_inbound_at=at))
    else:
        contact = Contact(known.id, phone or known.phone or "", user_id or known.user_id or "", name or known.name)
        await tx.execute(
            update(CONTACTS)
            .where(CONTACTS.c.id == contact.id)
            .values(
                phone=contact.phone or None,
                user_id=contact.user_id or None,
                name=contact.name,
                last_inbound_at=func.greatest(CONTACTS.c.last_inbound_at, at),
            )
        )
    held = {*changed, contact.id} if changed else set()
    return replace(contact, changed_hands=tuple(sorted(held)))


async def give_up_user_id(tx: Transaction, contact_id: str) -> None:
    """From now on the contact is known by its phone alone."""
    await tx.execute(update(CONTACTS).where(CONTACTS.c.id == contact_id).values(user_id=None))


async def _give_up_user_id(tx: Transaction, former: Row[tuple[object, ...]], heir_id: str) -> None:
    """A contact with a phone of its own only loses the user id; one that was nothing but the id goes over whole."""
    if former.phone:
        await tx.execute(update(CONTACTS).where(CONTACTS.c.id == former.id).values(user_id=None))
        return
    await tx.execute(update(MESSAGES).where(MESSAGES.c.contact_id == former.id).values(contact_id=heir_id))
    await tx.execute(delete(CONTACTS).where(CONTACTS.c.id == former.id))
