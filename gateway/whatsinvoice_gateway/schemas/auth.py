"""Bodies of identity."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.schemas.base import Incoming, Outgoing, moment

RoleName = Literal["owner", "admin", "staff", "accountant"]
Phone = Field(min_length=4, max_length=24, examples=["08030000001", "+2348030000001"])

Cookie = Field(default=False, description="Put the refresh token into an HttpOnly cookie, not into the answer")


class RegisterIn(Incoming):
    phone: str = Phone
    name: str = Field(min_length=1, max_length=120)
    password: str = Field(min_length=1, max_length=128, description="8 or more, with upper, lower and digit")
    business_name: str | None = Field(default=None, min_length=1, max_length=120)
    country: str = Field(default="NG", pattern="^[A-Z]{2}$")
    email: str | None = Field(default=None, max_length=254)


VerificationId = Field(min_length=1, max_length=64, description="The id of the request that asked for the code")
Code = Field(pattern=r"^\d{6}$")


class VerifyPhoneIn(Incoming):
    verification_id: str = VerificationId
    code: str = Code


class LoginIn(Incoming):
    phone: str = Phone
    password: str = Field(min_length=1, max_length=128)
    business_id: str | None = Field(
        default=None, min_length=1, max_length=64, description="One of GET /v1/businesses; the chosen one if absent"
    )
    cookie: bool = Cookie


class RefreshIn(Incoming):
    refresh_token: str | None = Field(default=None, min_length=1, max_length=128, description="Or the cookie")
    cookie: bool = Cookie


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
    version: int

    @classmethod
    def of(cls, message: pb.Business) -> "BusinessOut":
        return cls(
            id=message.id,
            name=message.name,
            country=message.country,
            currency=message.currency_code,
            time_zone=message.time_zone,
            version=message.version,
        )


class VerificationOut(Outgoing):
    """A request that waits for its code. The same whether the phone is known or not."""

    id: str
    tag: str = Field(description="Without a message, write `CODE <tag>` from the phone to the business number")
    expires_at: datetime | None

    @classmethod
    def of(cls, message: pb.Verification) -> "VerificationOut":
        return cls(id=message.id, tag=message.tag, expires_at=moment(message, "expire_time"))


class VerificationMadeOut(Outgoing):
    verification: VerificationOut

    @classmethod
    def of(cls, message: pb.Verification) -> "VerificationMadeOut":
        return cls(verification=VerificationOut.of(message))


class VerifiedUserOut(Outgoing):
    id: str
    phone: str
    name: str


class NamedBusinessOut(Outgoing):
    id: str
    name: str


class VerifiedOut(Outgoing):
    verified: bool
    user: VerifiedUserOut
    business: NamedBusinessOut | None = Field(description="null when the person belongs to no business any more")

    @classmethod
    def of(cls, message: pb.VerifyPhoneResponse | pb.ResetPasswordResponse) -> "VerifiedOut":
        user, business = message.user, message.business
        return cls(
            verified=True,
            user=VerifiedUserOut(id=user.id, phone=user.phone, name=user.name),
            business=NamedBusinessOut(id=business.id, name=business.name) if business.id else None,
        )


class TokensOut(Outgoing):
    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str | None = Field(description="null when it is in the cookie")

    @classmethod
    def of(cls, message: pb.TokenPair, *, cookie: bool) -> "TokensOut":
        return cls(
            access_token=message.access_token,
            token_type="Bearer",  # noqa: S106  (RFC 6750's name, no secret)
            expires_in=message.expires_in,
            refresh_token=None if cookie else message.refresh_token,
        )


def role_name(role: int) -> RoleName:
    """ROLE_OWNER as owner."""
    name: RoleName = pb.Role.Name(pb.Role.ValueType(role)).removeprefix("ROLE_").lower()  # type: ignore[assignment]  # the names of the proto's roles
    return name


class PlaceOut(Outgoing):
    business_id: str
    business_name: str
    role: RoleName
    chosen: bool = Field(description="Logins and the chat act for this business")

    @classmethod
    def of(cls, message: pb.Place) -> "PlaceOut":
        return cls(
            business_id=message.business_id,
            business_name=message.business_name,
            role=role_name(message.role),
            chosen=message.chosen,
        )


class MeOut(Outgoing):
    user: UserOut
    business: BusinessOut
    role: RoleName
    places: list[PlaceOut]

    @classmethod
    def of(cls, message: pb.GetMeResponse) -> "MeOut":
        return cls(
            user=UserOut.of(message.user),
            business=BusinessOut.of(message.business),
            role=role_name(message.role),
            places=[PlaceOut.of(place) for place in message.places],
        )


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
