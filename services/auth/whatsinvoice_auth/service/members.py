"""A business and its members."""

from dataclasses import replace

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError, not_found, precondition
from whatsinvoice_kit.core.ids import is_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import Business, Member, Role
from whatsinvoice_auth.domain.invitations import Invitation
from whatsinvoice_auth.repository import invitations, keys, people, sessions
from whatsinvoice_auth.service.access import revoke
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


async def list_members(
    tx: Transaction, business_id: str, limit: int, cursor: str
) -> tuple[list[Member], list[Invitation], str]:
    """Return a page of the business's members, newest first, then its open invitations, and the cursor of the next."""
    among_invitations = is_id("ivt", cursor)
    limit = check_page("ivt" if among_invitations else "mbr", limit, cursor)
    found: list[Member] = []
    if not among_invitations:
        found = await people.business_members(tx, business_id, before=cursor, limit=limit + 1)
    offered: list[Invitation] = []
    if (left := limit - len(found)) >= 0:
        before = cursor if among_invitations else ""
        offered = await invitations.open_invitations(tx, now(), business_id=business_id, before=before, limit=left + 1)
    ids = [*(member.id for member in found), *(offer.id for offer in offered)]
    shown = max(0, limit - len(found))
    return found[:limit], offered[:shown], ids[limit - 1] if len(ids) > limit else ""


async def change_role(tx: Transaction, user_id: str, business_id: str, member_id: str, role: Role) -> Member:
    """Give a member another role; the sessions here end, so that no token keeps the old one."""
    member = await _manageable(tx, user_id, business_id, member_id, role)
    if member.role is role:
        return member
    member = await people.set_role(tx, member, role)
    tx.publish(events.member_changed(member))
    await revoke(tx, await sessions.end_sessions(tx, member.user.id, now(), business_id=business_id))
    return member


async def remove(tx: Transaction, user_id: str, business_id: str, member_id: str) -> None:
    """End a member's place, sessions and API keys in the business, or withdraw an invitation."""
    if is_id("ivt", member_id):
        if not await invitations.end_invitation(tx, member_id, "withdrawn", now(), business_id=business_id):
            raise _no_member()
        return
    await _end_place(tx, await _manageable(tx, user_id, business_id, member_id, None))


async def leave(tx: Transaction, user_id: str, business_id: str) -> None:
    """End one's own place, sessions and API keys in a business, whatever the role; FAILED_PRECONDITION (LAST_OWNER)."""
    members = await people.locked_members(tx, business_id)
    member = await member_of(tx, user_id, business_id)
    domain.check_place(member.role, member, sum(one.role is Role.OWNER for one in members), None)
    await _end_place(tx, member)


async def _end_place(tx: Transaction, member: Member) -> None:
    business_id = member.business.id
    await people.remove_member(tx, member)
    tx.publish(events.member_changed(replace(member, version=member.version + 1), active=False))
    ended = await sessions.end_sessions(tx, member.user.id, now(), business_id=business_id)
    await revoke(tx, ended, await keys.revoke_keys(tx, now(), business_id=business_id, user_id=member.user.id))


async def _manageable(tx: Transaction, user_id: str, business_id: str, member_id: str, role: Role | None) -> Member:
    members = await people.locked_members(tx, business_id)
    member = next((member for member in members if member.id == member_id), None)
    if member is None:
        raise _no_member()
    actor = await member_of(tx, user_id, business_id)
    owners = sum(one.role is Role.OWNER for one in members)
    domain.check_place(actor.role, member, owners, role)
    return member


def _no_member() -> ServiceError:
    return not_found("MEMBER_NOT_FOUND", "there is no such member")
