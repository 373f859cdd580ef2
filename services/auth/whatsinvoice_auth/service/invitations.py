"""Invitations: a place in another's business exists only after the holder of the phone accepted that very offer."""

from dataclasses import dataclass

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid, not_found, unauthenticated
from whatsinvoice_kit.core.ids import is_id, new_id
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import Member, Role, User
from whatsinvoice_auth.domain.invitations import LIFE, Invitation
from whatsinvoice_auth.repository import invitations, people
from whatsinvoice_auth.service.paging import check_page
from whatsinvoice_auth.service.sessions import member_of


@dataclass(frozen=True, slots=True)
class Offer:
    """What a member gives to invite somebody."""

    phone: str
    name: str
    role: Role


async def invite(tx: Transaction, user_id: str, business_id: str, given: Offer, daily: DailyLimit) -> Invitation:
    """Invite the holder of a phone. Nothing of the answer depends on whether the phone is registered.

    Raises:
        ServiceError: INVALID_ARGUMENT (ROLE_INVALID, PHONE_INVALID, NAME_INVALID), ALREADY_EXISTS (MEMBER_EXISTS,
            INVITATION_EXISTS), and as `DailyLimit.take`.
    """
    if given.role is Role.OWNER:
        raise invalid("role", "ROLE_INVALID", "invite an admin, staff or accountant; an owner can promote")
    members = await people.locked_members(tx, business_id)
    inviter = await member_of(tx, user_id, business_id)
    phone = to_e164(given.phone, inviter.business.country)
    name = domain.check_name("name", given.name) if given.name else ""
    moment = now()
    if any(member.user.phone == phone for member in members):
        raise ServiceError(Kind.ALREADY_EXISTS, "MEMBER_EXISTS", "this person is a member already")
    if await invitations.open_invitations(tx, moment, business_id=business_id, phone=phone, limit=1):
        raise ServiceError(Kind.ALREADY_EXISTS, "INVITATION_EXISTS", "this phone is invited already")
    await daily.take(tx, business_id)
    made = Invitation(
        new_id("ivt"),
        business_id,
        inviter.business.name,
        inviter.user.name,
        phone,
        name,
        given.role,
        moment,
        moment + LIFE,
    )
    await invitations.add_invitation(tx, made, user_id)
    tx.publish(events.member_invited(made))
    return made


async def list_invitations(tx: Transaction, user_id: str, limit: int, cursor: str) -> tuple[list[Invitation], str]:
    """Return a page of the open invitations to the user's phone, newest first, and the cursor of the next."""
    limit = check_page("ivt", limit, cursor)
    user = await _user(tx, user_id)
    found = await invitations.open_invitations(tx, now(), phone=user.phone, before=cursor, limit=limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


async def accept(tx: Transaction, user_id: str, invitation_id: str) -> Member:
    """Give the user a place in the inviting business; NOT_FOUND unless the invitation is open and to this phone."""
    user = await _user(tx, user_id)
    found = await _ended(tx, user, invitation_id, "accepted")
    members = await people.locked_members(tx, found.business_id)
    if (known := next((member for member in members if member.user.id == user_id), None)) is not None:
        return known
    business = await people.business(tx, found.business_id)
    member = Member(new_id("mbr"), user, business, found.role, 1)
    await people.add_member(tx, member)
    tx.publish(events.member_changed(member))
    return member


async def decline(tx: Transaction, user_id: str, invitation_id: str) -> None:
    """End an invitation to the user's phone; NOT_FOUND when there is none."""
    await _ended(tx, await _user(tx, user_id), invitation_id, "declined")


async def _user(tx: Transaction, user_id: str) -> User:
    user = await people.locked_user(tx, user_id)
    if user is None:
        raise unauthenticated("MEMBER_GONE", "the account has ended")
    return user


async def _ended(tx: Transaction, user: User, invitation_id: str, outcome: str) -> Invitation:
    found = None
    if is_id("ivt", invitation_id):
        found = await invitations.end_invitation(tx, invitation_id, outcome, now(), phone=user.phone)
    if found is None:
        raise not_found("INVITATION_NOT_FOUND", "there is no such open invitation to your phone")
    return found
