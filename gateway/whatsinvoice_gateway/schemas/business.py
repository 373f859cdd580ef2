"""Bodies of the business, its members and its API keys."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.schemas.auth import Phone, RoleName, role_name
from whatsinvoice_gateway.schemas.base import Currency, Incoming, Minor, Outgoing, moment


def role_number(name: str) -> pb.Role.ValueType:
    return pb.Role.Value(f"ROLE_{name.upper()}")


class BusinessPatch(Incoming):
    """What is absent stays."""

    name: str | None = Field(default=None, min_length=1, max_length=120)
    currency: Currency | None = Field(default=None, description="The default of new invoices")

    def message(self, seen_version: int) -> pb.UpdateBusinessRequest:
        return pb.UpdateBusinessRequest(name=self.name, currency_code=self.currency, version=seen_version)


class MemberIn(Incoming):
    phone: str = Phone
    name: str = Field(default="", max_length=120, description="What you call the person")
    role: Literal["admin", "staff", "accountant"]

    def message(self) -> pb.InviteMemberRequest:
        return pb.InviteMemberRequest(phone=self.phone, name=self.name, role=role_number(self.role))


class MemberPatch(Incoming):
    role: RoleName


class MemberOut(Outgoing):
    """A member, or an invitation that is open: that one shows what the inviter gave and nothing else."""

    id: str
    user_id: str | None
    name: str
    phone: str
    role: RoleName
    status: Literal["active", "invited"]

    @classmethod
    def of(cls, message: pb.Member) -> "MemberOut":
        return cls(
            id=message.id,
            user_id=message.user.id,
            name=message.user.name,
            phone=message.user.phone,
            role=role_name(message.role),
            status="active",
        )

    @classmethod
    def invited(cls, message: pb.Invitation) -> "MemberOut":
        return cls(
            id=message.id,
            user_id=None,
            name=message.name,
            phone=message.phone,
            role=role_name(message.role),
            status="invited",
        )


class ApiKeyIn(Incoming):
    name: str = Field(min_length=1, max_length=120)
    scopes: list[str] = Field(min_length=1, max_length=20, examples=[["invoices:read", "invoices:write"]])
    daily_refund_minor: Minor | None = Field(default=None, description="Required with the scope refunds:write")


class ApiKeyOut(Outgoing):
    id: str
    name: str
    scopes: list[str]
    prefix: str
    last4: str
    daily_refund_minor: int | None = Field(description="null without the scope refunds:write")
    created_at: datetime | None

    @classmethod
    def of(cls, message: pb.ApiKey) -> "ApiKeyOut":
        return cls(
            id=message.id,
            name=message.name,
            scopes=list(message.scopes),
            prefix=message.prefix,
            last4=message.last4,
            daily_refund_minor=message.daily_refund_minor or None,
            created_at=moment(message, "create_time"),
        )


class NewApiKeyOut(ApiKeyOut):
    key: str = Field(description="Shown this once")

    @classmethod
    def made(cls, message: pb.CreateApiKeyResponse) -> "NewApiKeyOut":
        return cls(**ApiKeyOut.of(message.api_key).model_dump(), key=message.key)
