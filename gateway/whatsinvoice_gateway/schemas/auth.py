"""Bodies of identity."""

from datetime import datetime

from pydantic import Field
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.schemas.base import Incoming, Outgoing, moment

Phone = Field(min_length=4, max_length=24, examples=["08030000001", "+2348030000001"])


class RegisterIn(Incoming):
    phone: str = Phone
    name: str = Field(min_length=1, max_length=120)
    password: str = Field(min_length=1, max_length=128, description="8 or more, with upper, lower and digit")
    business_name: str | None = Field(default=None, min_length=1, max_length=120)
    country: str = Field(default="NG", pattern="^[A-Z]{2}$")
    email: str | None = Field(default=None, max_length=254)


class VerifyPhoneIn(Incoming):
    phone: str = Phone
    code: str = Field(pattern=r"^\d{6}$")


class LoginIn(Incoming):
    phone: str = Phone
    password: str = Field(min_length=1, max_length=128)


class RefreshIn(Incoming):
    refresh_token: str = Field(min_length=1, max_length=128)


class UserOut(Outgoing):
    id: str
    phone: str
    name: str
    email: str | None

    @classmethod
    def of(cls, message: pb.User) -> "UserOut":
        return cls(id=message.id, phone=message.phone, name=message.name, email=message.email or None)


class BusinessOut(Outgoing):
    id: str
    name: str
    country: str
    currency: str
    time_zone: str

    @classmethod
    def of(cls, message: pb.Business) -> "BusinessOut":
        return cls(
            id=message.id,
            name=message.name,
            country=message.country,
            currency=message.currency_code,
            time_zone=message.time_zone,
        )


class VerificationOut(Outgoing):
    expires_at: datetime | None


class RegisterOut(Outgoing):
    user: UserOut
    business: BusinessOut
    verification: VerificationOut

    @classmethod
    def of(cls, message: pb.RegisterResponse) -> "RegisterOut":
        expires = moment(message, "verification_expire_time")
        return cls(
            user=UserOut.of(message.user),
            business=BusinessOut.of(message.business),
            verification=VerificationOut(expires_at=expires),
        )


class VerifyPhoneOut(Outgoing):
    verified: bool


class TokensOut(Outgoing):
    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str

    @classmethod
    def of(cls, message: pb.TokenPair) -> "TokensOut":
        return cls(
            access_token=message.access_token,
            token_type="Bearer",  # noqa: S106  (RFC 6750's name, no secret)
            expires_in=message.expires_in,
            refresh_token=message.refresh_token,
        )


class MeOut(Outgoing):
    user: UserOut
    business: BusinessOut
    role: str

    @classmethod
    def of(cls, message: pb.GetMeResponse) -> "MeOut":
        role = pb.Role.Name(message.role).removeprefix("ROLE_").lower()
        return cls(user=UserOut.of(message.user), business=BusinessOut.of(message.business), role=role)


class JwkOut(Outgoing):
    kty: str
    crv: str
    alg: str
    use: str
    kid: str
    x: str
    y: str


class JwkSetOut(Outgoing):
    keys: list[JwkOut]
