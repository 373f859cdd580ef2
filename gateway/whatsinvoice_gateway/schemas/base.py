"""What all bodies share."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.money import MAX_MINOR, SYMBOLS
from whatsinvoice_kit.core.text import REFUSED, is_clean

Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_MINOR, description="Minor units: 7500000 NGN is 75,000.00")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", json_schema_extra={"enum": list(SYMBOLS)})]
"""The services say that one is not carried; the contract names those that are."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)]
"""RFC 3339 with an offset; years that no invoice was made in are a slip, and some fit no timestamp."""

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
"""A calendar day of the years of a Moment."""


class Incoming(BaseModel):
    """A request body; unknown fields and control characters are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _clean(cls, value: Any) -> Any:
        """Refuse forbidden characters in each text, and in each text of a list."""
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not is_clean(text):
                raise PydanticCustomError("text_invalid", REFUSED)
        return value


class Outgoing(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


ItemT = TypeVar("ItemT", bound=Outgoing)


class Page(Outgoing, Generic[ItemT]):
    """One page of a list; `next_cursor` is null on the last."""

    data: list[ItemT]
    next_cursor: str | None


def answer(body: BaseModel, status: int = 200, **headers: str) -> Response:
    """A JSON answer, serialised once; FastAPI would validate and walk it again."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body.model_dump_json(), status, given, "application/json")


def moment(message: Any, name: str) -> datetime | None:
    """A timestamp field of a proto message; None when it is not set."""
    if not message.HasField(name):
        return None
    found: Timestamp = getattr(message, name)
    return found.ToDatetime(now().tzinfo)


def stamp(given: datetime | None) -> Timestamp | None:
    """A moment as a proto field; None stays unset."""
    if given is None:
        return None
    made = Timestamp()
    made.FromDatetime(given)
    return made


class FieldError(Outgoing):
    """One wrong field."""

    field: str
    code: str
    message: str


class Problem(Outgoing):
    """RFC 9457, with a `code` for programs."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError]
    request_id: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its documentation; app.py adds those that any operation may have."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "Problem", "content": content} for status in statuses}


PDF: dict[str, Any] = {
    "description": "A PDF",
    "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
}
