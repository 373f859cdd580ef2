"""A business and the people in it."""

from dataclasses import dataclass, replace

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid, not_found, precondition
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import Business, Member, Role, User
from whatsinvoice_auth.repository import keys, people, sessions
from whatsinvoice_auth.service.access import revoke
from whatsinvoice_auth.service.codes import VERIFY, Codes
from whatsinvoice_auth.service.paging import check_page
from whatsinvoice_auth.service.sessions import member_of


async def update_business(
    tx: Transaction, user_id: str, business_id: str, name: str | None, currency: str | None, seen_version: int
) -> Business:
    """Changes what is given; FAILED_PRECONDITION (VERSION_STALE) when it is not the version that was seen."""
    await people.locked_members(tx, business_id)
    before = (await member_of(tx, user_id, business_id)).business
    if seen_version and before.version != seen_version:
        raise precondition("VERSION_STALE", "somebody has changed it since you read it")
    changes = {} if name is None else {"name": domain.check_name("name", name)}
    changes |= {} if currency is None else {"currency": domain.check_currency(currency)}
    if not changes:
        return before
    await people.update_business(tx, business_id, changes)
    after = replace(before, version=before.version + 1, **changes)
    tx.publish(events.business_changed(after))
    for member in await people.business_members(tx, business_id):
        tx.publish(events.member_changed(member))
    return after


async def list_members(tx: Transaction, business_id: str, limit: int, cursor: str) -> tuple[list[Member], str]:
    """A page of the business's people, newest first, and the cursor of the next."""
    limit = check_page("mbr", limit, cursor)
    found = await people.business_members(tx, business_id, before=cursor, limit=limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who is to come in, and as what."""

    phone: str
    name: str
    role: Role


async def invite(tx: Transaction, codes: Codes, user_id: str, business_id: str, given: Invitation) -> Member:
    """Adds a person. Whose phone is not proven yet gets a code, and the place counts once she has used it."""
    if given.role is Role.OWNER:
        raise invalid("role", "ROLE_INVALID", "invite an admin, staff or accountant; an owner can promote")
    members = await people.locked_members(tx, business_id)
    business = (await member_of(tx, user_id, business_id)).business
    phone = to_e164(given.phone, business.country)
    if any(member.user.phone == phone for member in members):
        raise ServiceError(Kind.ALREADY_EXISTS, "MEMBER_EXISTS", "this person is a member already")
    user = await people.user_by_phone(tx, phone)
    if user is None or not user.phone_verified:
        await codes.ask(tx, phone, VERIFY)  # holds the phone: nobody else registers or invites it meanwhile
        user = await people.user_by_phone(tx, phone)
    if user is None:
        name = domain.check_name("name", given.name)
        user = User(new_id("usr"), phone, name, "", "", phone_verified=False, version=1)
        await people.add_user(tx, user)
    member = Member(new_id("mbr"), user, business, given.role, 1)
    await people.add_member(tx, member)
    tx.publish(events.member_changed(member))
    return member


async def change_role(tx: Transaction, user_id: str, business_id: str, member_id: str, role: Role) -> Member:
    """Gives a member another role; her sessions here end, so that no token keeps the old one."""
    member = await _manageable(tx, user_id, business_id, member_id, role)
    if member.role is role:
        return member
    member = await people.set_role(tx, member, role)
    tx.publish(events.member_changed(member))
    await revoke(tx, await sessions.end_sessions(tx, member.user.id, now(), business_id=business_id))
    return member


async def remove(tx: Transaction, user_id: str, business_id: str, member_id: str) -> None:
    """Ends a member's place, sessions and API keys in the business."""
    member = await _manageable(tx, user_id, business_id, member_id, None)
    await people.remove_member(tx, member)
    tx.publish(events.member_changed(replace(member, version=member.version + 1), active=False))
    ended = await sessions.end_sessions(tx, member.user.id, now(), business_id=business_id)
    await revoke(tx, ended, await keys.revoke_keys(tx, business_id, now(), user_id=member.user.id))


async def _manageable(tx: Transaction, user_id: str, business_id: str, member_id: str, role: Role | None) -> Member:
    members = await people.locked_members(tx, business_id)
    member = next((member for member in members if member.id == member_id), None)
    if member is None:
        raise not_found("MEMBER_NOT_FOUND", "there is no such member")
    actor = await member_of(tx, user_id, business_id)
    owners = sum(one.role is Role.OWNER for one in members)
    domain.check_place(actor.role, member, owners, role)
    return member
