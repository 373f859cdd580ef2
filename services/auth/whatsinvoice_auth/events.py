"""Domain records as proto events and messages."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.auth.v1 import auth_pb2, events_pb2
from whatsinvoice_kit.events.outbox import Event, event_of

from whatsinvoice_auth.domain import Business, Member, Role, Session, User, acting_place
from whatsinvoice_auth.domain.invitations import Invitation
from whatsinvoice_auth.domain.verifications import Verification

ROLES = {
    Role.OWNER: auth_pb2.ROLE_OWNER,
    Role.ADMIN: auth_pb2.ROLE_ADMIN,
    Role.STAFF: auth_pb2.ROLE_STAFF,
    Role.ACCOUNTANT: auth_pb2.ROLE_ACCOUNTANT,
}


def user_message(user: User) -> auth_pb2.User:
    return auth_pb2.User(id=user.id, phone=user.phone, name=user.name, email=user.email)


def business_message(business: Business) -> auth_pb2.Business:
    return auth_pb2.Business(
        id=business.id,
        name=business.name,
        country=business.country,
        currency_code=business.currency,
        time_zone=business.time_zone,
        version=business.version,
    )


def place_messages(places: Sequence[Member]) -> list[auth_pb2.Place]:
    """Return a person's places, the one that logins and the chat act for marked."""
    acting = acting_place(places, places[0].user.chosen_business_id) if places else None
    return [
        auth_pb2.Place(
            business_id=place.business.id,
            business_name=place.business.name,
            role=ROLES[place.role],
            chosen=place is acting,
        )
        for place in places
    ]


def business_registered(member: Member) -> Event:
    business = member.business
    told, owner = business_message(business), user_message(member.user)
    return event_of(
        events_pb2.BusinessRegistered, business.id, business.id, business.version, business=told, owner=owner
    )


def business_changed(business: Business) -> Event:
    return event_of(
        events_pb2.BusinessChanged, business.id, business.id, business.version, business=business_message(business)
    )


def phone_verified(member: Member) -> Event:
    user = member.user
    return event_of(events_pb2.PhoneVerified, member.business.id, user.id, user.version, phone=user.phone)


def session_revoked(session: Session) -> Event:
    return event_of(events_pb2.SessionRevoked, session.business_id, session.id, 2, user_id=session.user_id)


def member_changed(member: Member, *, active: bool = True) -> Event:
    return event_of(
        events_pb2.MemberChanged,
        member.business.id,
        member.id,
        member.version,
        user=user_message(member.user),
        role=ROLES[member.role],
        active=active,
        business=business_message(member.business),
    )


def place_chosen(member: Member) -> Event:
    user = member.user
    return event_of(events_pb2.PlaceChosen, member.business.id, user.id, user.version, phone=user.phone)


def code_requested(verification: Verification) -> Event:
    return event_of(
        events_pb2.CodeRequested,
        "",
        verification.id,
        1,
        phone=verification.phone,
        expire_time=stamp(verification.expires_at),
        send=verification.sent,
    )


def invitation_message(invitation: Invitation) -> auth_pb2.Invitation:
    return auth_pb2.Invitation(
        id=invitation.id,
        business_id=invitation.business_id,
        business_name=invitation.business_name,
        inviter_name=invitation.inviter_name,
        role=ROLES[invitation.role],
        phone=invitation.phone,
        name=invitation.name,
        create_time=stamp(invitation.created_at),
        expire_time=stamp(invitation.expires_at),
    )


def member_invited(invitation: Invitation) -> Event:
    told = invitation_message(invitation)
    return event_of(events_pb2.MemberInvited, invitation.business_id, invitation.id, 1, invitation=told)


def account_recovered(user: User) -> Event:
    return event_of(events_pb2.AccountRecovered, "", user.id, user.version, phone=user.phone)


def guessing_detected(user: User, failures: int) -> Event:
    return event_of(events_pb2.GuessingDetected, "", user.id, user.version, phone=user.phone, failures=failures)


def stamp(moment: datetime) -> Timestamp:
    """Return a moment as protobuf writes it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message
