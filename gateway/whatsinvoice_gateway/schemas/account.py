"""Bodies of one's own account: codes, passwords, sessions, invitations, businesses."""

from datetime import datetime

from pydantic import Field
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.schemas.auth import (
    Code,
    NamedBusinessOut,
    Phone,
    PlaceOut,
    RoleName,
    VerificationId,
    role_name,
)
from whatsinvoice_gateway.schemas.base import Incoming, Outgoing, moment


class PhoneIn(Incoming):
    phone: str = Phone


class ResendCodeIn(Incoming):
    verification_id: str = VerificationId


class ResetPasswordIn(Incoming):
    verification_id: str = VerificationId
    code: str = Code
    password: str = Field(min_length=1, max_length=128)


class ChangePasswordIn(Incoming):
    old_password: str = Field(min_length=1, max_length=128)
    new_password: str = Field(min_length=1, max_length=128)


class ConfirmIn(Incoming):
    """The password, or a verification with its code."""

    password: str | None = Field(default=None, min_length=1, max_length=128)
    verification_id: str | None = Field(default=None, min_length=1, max_length=64)
    code: str | None = Field(default=None, pattern=r"^\d{6}$")


class SessionOut(Outgoing):
    id: str
    business_id: str
    user_agent: str
    created_at: datetime | None
    used_at: datetime | None
    expires_at: datetime | None
    current: bool

    @classmethod
    def of(cls, message: pb.Session) -> "SessionOut":
        return cls(
            id=message.id,
            business_id=message.business_id,
            user_agent=message.user_agent,
            created_at=moment(message, "create_time"),
            used_at=moment(message, "use_time"),
            expires_at=moment(message, "expire_time"),
            current=message.current,
        )


class InvitationOut(Outgoing):
    """An offer of a place in a business, as its recipient sees it."""

    id: str
    business: NamedBusinessOut
    invited_by: str
    role: RoleName
    created_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, message: pb.Invitation) -> "InvitationOut":
        return cls(
            id=message.id,
            business=NamedBusinessOut(id=message.business_id, name=message.business_name),
            invited_by=message.inviter_name,
            role=role_name(message.role),
            created_at=moment(message, "create_time"),
            expires_at=moment(message, "expire_time"),
        )


class PlacesOut(Outgoing):
    data: list[PlaceOut]


class SwitchIn(Incoming):
    business_id: str = Field(min_length=1, max_length=64, description="One of GET /v1/businesses")


class AccessTokenOut(Outgoing):
    access_token: str
    token_type: str
    expires_in: int

    @classmethod
    def of(cls, message: pb.SwitchBusinessResponse | pb.ConfirmResponse) -> "AccessTokenOut":
        return cls(
            access_token=message.access_token,
            token_type="Bearer",  # noqa: S106  (RFC 6750's name, no secret)
            expires_in=message.expires_in,
        )
