"""Bodies of one's own account: codes, passwords, sessions."""

from datetime import datetime

from pydantic import Field
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.schemas.auth import Phone
from whatsinvoice_gateway.schemas.base import Incoming, Outgoing, moment


class PhoneIn(Incoming):
    phone: str = Phone


class AcceptedOut(Outgoing):
    """The same whether the phone is known or not."""

    accepted: bool


class ResetPasswordIn(Incoming):
    phone: str = Phone
    code: str = Field(pattern=r"^\d{6}$")
    new_password: str = Field(min_length=1, max_length=128)


class ChangePasswordIn(Incoming):
    old_password: str = Field(min_length=1, max_length=128)
    new_password: str = Field(min_length=1, max_length=128)


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
