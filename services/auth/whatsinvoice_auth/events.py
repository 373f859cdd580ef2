"""What auth tells others: domain records as proto events."""

from whatsinvoice.auth.v1 import auth_pb2, events_pb2
from whatsinvoice_kit.events.outbox import Event, event_of

from whatsinvoice_auth.domain import Business, Member, Role, Session, User

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
        phone_verified=member.user.phone_verified,
        active=active,
        business=business_message(member.business),
    )
