"""The shapes of Paystack's answers, as far as they are used. Everything else in them is passed over."""

import json
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

from whatsinvoice_payments.domain.charge import Charge, ChargeStatus, Split
from whatsinvoice_payments.domain.webhook import DEDICATED, Deposit, minor_units, plain

MAX_MINOR = 10**15
MAX_CURSOR = 1000

ABANDONED = "abandoned"
WORDS = {
    "success": ChargeStatus.SUCCESS,
    "failed": ChargeStatus.FAILED,
    "reversed": ChargeStatus.REVERSED,
    # what every transaction is called until its payer acts, so not an end
    ABANDONED: ChargeStatus.OPEN,
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


def _known_word(word: str) -> str:
    if word not in WORDS:
        raise ValueError("not a known status")
    return word


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
    status: Annotated[str, AfterValidator(_known_word)]
    amount: Amount
    requested_amount: Amount | None = None
    fees: Amount | None = None
    currency: Text
    channel: Text | None = None
    paid_at: Moment = None
    gateway_response: Text | None = None
    subaccount: Any = None
    fees_split: Any = None

    def as_charge(self) -> Charge:
        return Charge(
            self.reference,
            WORDS[self.status],
            self.amount,
            self.requested_amount,
            self.fees or 0,
            self.currency,
            self.channel or "",
            self.paid_at,
            self.gateway_response or "",
            "" if self.id is None else str(self.id),
            self.status == ABANDONED,
            _split(self.subaccount, self.fees_split),
        )


def _split(subaccount: object, fees_split: object) -> Split | None:
    """Read a split. The subaccount comes as an object or its code, the shares as an object or its JSON."""
    code = subaccount.get("subaccount_code") if isinstance(subaccount, dict) else subaccount
    if isinstance(fees_split, str):
        try:
            fees_split = json.loads(fees_split)
        except (ValueError, RecursionError):
            return None
    share = minor_units(fees_split.get("subaccount")) if isinstance(fees_split, dict) else None
    return Split(plain(code), share) if isinstance(code, str) and code and share is not None else None


class Cursor(Shape):
    """`meta` of a list that is asked for by cursor; no `next` on the last page."""

    next: Annotated[str, Field(max_length=MAX_CURSOR)] | None = None


class ListedPage(Shape):
    """A page of GET /transaction; each item is read by itself."""

    items: list[Any]
    meta: Cursor


class Payer(Shape):
    """The customer within a transaction."""

    customer_code: Text = ""


class Means(Shape):
    """How it was paid, where that was a transfer."""

    receiver_bank_account_number: Text | None = None


class ListedTransaction(Transaction):
    """One of GET /transaction, which has the provider's own number, an unsigned one of 64 bits."""

    id: Annotated[int, Field(ge=0, lt=2**64)]
    customer: Payer | None = None
    authorization: Means | None = None

    def deposit(self) -> Deposit | None:
        """Whose account the money came into, where that is an account of a customer's own."""
        if self.channel != DEDICATED:
            return None
        means, payer = self.authorization or Means(), self.customer or Payer()
        return Deposit(means.receiver_bank_account_number or "", payer.customer_code)
