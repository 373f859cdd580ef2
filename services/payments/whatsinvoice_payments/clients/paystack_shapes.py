"""The shapes of Paystack's answers, as far as they are used. Everything else in them is passed over."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
)

from whatsinvoice_payments.domain.charge import Charge, ChargeStatus
from whatsinvoice_payments.domain.webhook import minor_units, plain

MAX_MINOR = 10**15

WORDS = {
    "success": ChargeStatus.SUCCESS,
    "failed": ChargeStatus.FAILED,
    "reversed": ChargeStatus.REVERSED,
    # what every transaction is called until its payer acts, so not an end
    "abandoned": ChargeStatus.OPEN,
    "ongoing": ChargeStatus.OPEN,
    "pending": ChargeStatus.OPEN,
    "processing": ChargeStatus.OPEN,
    "queued": ChargeStatus.OPEN,
}
"""Statuses of GET /transaction/verify in the OpenAPI file."""

_MOMENT: TypeAdapter[datetime] = TypeAdapter(datetime)
_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def _amount(given: object) -> int:
    amount = minor_units(given)
    if amount is None:
        raise ValueError("not an amount")
    return amount


def _status(word: object) -> ChargeStatus:
    if not isinstance(word, str) or word not in WORDS:
        raise ValueError("not a known status")
    return WORDS[word]


def _moment(given: object) -> datetime | None:
    """Our own clock will do where theirs cannot be read."""
    if not isinstance(given, str):
        return None
    try:
        moment = _MOMENT.validate_python(given)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValidationError, OverflowError):
        return None


def _url(given: str) -> str:
    _URL.validate_python(given)
    return given


Text = Annotated[str, AfterValidator(plain)]
Amount = Annotated[int, BeforeValidator(_amount), Field(ge=0, le=MAX_MINOR)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


class Shape(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)


ShapeT = TypeVar("ShapeT", bound=Shape)


class Envelope(Shape):
    """What is around every answer."""

    message: Text = ""
    code: Text | None = None
    data: Any = None
    meta: Any = None


class Opened(Shape):
    """`data` of initialize."""

    authorization_url: Annotated[str, Field(max_length=2000), AfterValidator(_url)]
    access_code: Text
    reference: Text


class Transaction(Shape):
    """`data` of verify."""

    id: int | None = None
    reference: Text
    status: Annotated[ChargeStatus, BeforeValidator(_status)]
    amount: Amount
    requested_amount: Amount | None = None
    fees: Amount | None = None
    currency: Text
    channel: Text | None = None
    paid_at: Moment = None
    gateway_response: Text | None = None

    def as_charge(self) -> Charge:
        return Charge(
            self.reference,
            self.status,
            self.amount,
            self.requested_amount,
            self.fees or 0,
            self.currency,
            self.channel or "",
            self.paid_at,
            self.gateway_response or "",
            "" if self.id is None else str(self.id),
        )
