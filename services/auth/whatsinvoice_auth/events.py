"""What auth tells others: domain records as proto events."""

from whatsinvoice.auth.v1 import auth_pb2, events_pb2
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.events.outbox import Event, serialised

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
    event = events_pb2.BusinessRegistered(
        event_id=new_id("evt"),
        business_id=member.business.id,
        aggregate_id=member.business.id,
        aggregate_version=member.business.version,
        business=business_message(member.business),
        owner=user_message(member.user),
    )
    event.occur_time.GetCurrentTime()
    return serialised(event)


def phone_verified(member: Member) -> Event:
    event = events_pb2.PhoneVerified(
        event_id=new_id("evt"),
        business_id=member.business.id,
        aggregate_id=member.user.id,
        aggregate_version=member.user.version,
        phone=member.user.phone,
    )
    event.occur_time.GetCurrentTime()
    return serialised(event)


def session_revoked(session: Session) -> Event:
    event = events_pb2.SessionRevoked(
        event_id=new_id("evt"),
        business_id=session.business_id,
        aggregate_id=session.id,
        aggregate_version=2,
        user_id=session.user_id,
    )
    event.occur_time.GetCurrentTime()
    return serialised(event)


def member_changed(member: Member, *, active: bool = True) -> Event:
    event = events_pb2.MemberChanged(
        event_id=new_id("evt"),
        business_id=member.business.id,
        aggregate_id=member.id,
        aggregate_version=member.version,
        user=user_message(member.user),
        role=ROLES[member.role],
        phone_verified=member.user.phone_verified,
        active=active,
        business=business_message(member.business),
    )
    event.occur_time.GetCurrentTime()
    return serialised(event)
