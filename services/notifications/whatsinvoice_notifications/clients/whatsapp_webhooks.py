"""Meta's webhook envelope -> what came in. Entries of an unknown shape are set aside, never an error."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from whatsinvoice_kit.core.errors import invalid

from whatsinvoice_notifications.domain.inbound import Batch, Incoming, Kind, StatusTold

_DIGITS = re.compile(r"[1-9]\d{6,14}")
_SILENT = frozenset({"reaction", "system", "ephemeral"})
_CHANGES = frozenset({"user_changed_number", "user_changed_user_id"})
_LATEST = 4_102_444_800
"""The year 2100, in epoch seconds: a timestamp beyond it is none."""
MAX_TEXT = 4096


def _storable(value: Any) -> Any:
    """Postgres takes neither NUL nor half of a surrogate pair; JSON may hold both, and more than we read."""
    if isinstance(value, str):
        return value[:MAX_TEXT].replace("\0", "").encode("utf-8", "replace").decode()
    return value


def _priced(value: Any) -> Any:
    """What a message costs, as far as it is plain; never a reason to lose the status that it came with."""
    if not isinstance(value, dict):
        return None
    return {_storable(key): _storable(item) for key, item in value.items() if isinstance(item, str | bool)}


def _coded(value: Any) -> Any:
    """The errors that have a code; as above."""
    errors = value if isinstance(value, list) else []
    return [error for error in errors if isinstance(error, dict) and isinstance(error.get("code"), int)]


Words = Annotated[str, BeforeValidator(_storable)]
Name = Annotated[str, BeforeValidator(_storable), Field(min_length=1, max_length=512)]
Seconds = Annotated[int, Field(ge=0, lt=_LATEST)]


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


ModelT = TypeVar("ModelT", bound=_Loose)


class _Profile(_Loose):
    name: Words = ""


class _Contact(_Loose):
    profile: _Profile = _Profile()
    wa_id: Words = ""
    user_id: Words = ""


class _Text(_Loose):
    body: Words


class _Button(_Loose):
    payload: Words


class _Reply(_Loose):
    id: Words


class _Interactive(_Loose):
    button_reply: _Reply | None = None
    list_reply: _Reply | None = None


class _System(_Loose):
    type: Words = ""
    wa_id: Words = ""


class _Message(_Loose):
    id: Name
    timestamp: Seconds
    type: Name
    from_: Words = Field(default="", alias="from")
    text: _Text | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None
    system: _System | None = None

    def said(self) -> tuple[Kind, str]:
        """What it is for us, and what it says."""
        if self.type == "text" and self.text:
            return "text", self.text.body
        if self.type == "button" and self.button:
            return "button", self.button.payload
        reply = self.interactive and (self.interactive.button_reply or self.interactive.list_reply)
        if self.type == "interactive" and reply:
            return "button", reply.id
        if self.type == "system" and self.system and self.system.type in _CHANGES:
            return "changed", f"+{self.system.wa_id}" if _DIGITS.fullmatch(self.system.wa_id) else ""
        return ("silent" if self.type in _SILENT else "other"), ""


class _Error(_Loose):
    code: int
    title: Words = ""


class _Status(_Loose):
    id: Name
    status: Name
    timestamp: Seconds
    biz_opaque_callback_data: Words = ""
    pricing: Annotated[dict[str, bool | str] | None, BeforeValidator(_priced)] = None
    errors: Annotated[list[_Error], BeforeValidator(_coded)] = []


def read_webhook(body: bytes) -> Batch:
    """All messages and statuses of a webhook, on every level; INVALID_ARGUMENT (BODY_MALFORMED) unless an object."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    if not isinstance(envelope, dict):
        raise invalid("body", "BODY_MALFORMED", "the body is not a JSON object")
    reader = _Reader()
    for entry in reader.items(envelope, "entry"):
        for change in reader.items(entry, "changes"):
            value = change.get("value")
            if isinstance(value, dict):
                reader.read(value)
            else:
                reader.set_aside(change)
    return Batch(tuple(reader.messages), tuple(reader.statuses), tuple(reader.unread))


class _Reader:
    """Collects from one webhook."""

    def __init__(self) -> None:
        self.messages: list[Incoming] = []
        self.statuses: list[StatusTold] = []
        self.unread: list[bytes] = []

    def set_aside(self, part: Any) -> None:
        self.unread.append(_raw(part))

    def items(self, holder: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
        """The objects in a list; whatever else is there is set aside."""
        found = holder.get(name, [])
        for item in found if isinstance(found, list) else [found]:
            if isinstance(item, dict):
                yield item
            elif item is not None:
                self.set_aside(item)

    def read(self, value: dict[str, Any]) -> None:
        contacts = [contact for given in self.items(value, "contacts") if (contact := _read(_Contact, given))]
        for given in self.items(value, "messages"):
            message = _read(_Message, given)
            incoming = message and _incoming(message, contacts, _raw(given))
            if incoming:
                self.messages.append(incoming)
            else:
                self.set_aside({"contacts": value.get("contacts"), "message": given})
        for given in self.items(value, "statuses"):
            if status := _read(_Status, given):
                self.statuses.append(_status_told(status, _raw(given)))
            else:
                self.set_aside(given)


def _read(model: type[ModelT], given: dict[str, Any]) -> ModelT | None:
    try:
        return model.model_validate(given)
    except (ValidationError, RecursionError):
        return None


def _incoming(message: _Message, contacts: list[_Contact], raw: bytes) -> Incoming | None:
    """None when it cannot be told for certain who wrote."""
    if message.from_:
        contact = next((c for c in contacts if c.wa_id == message.from_), _Contact())
    elif len(contacts) == 1:
        contact = contacts[0]
    else:
        return None
    digits = message.from_ or contact.wa_id
    if digits and not _DIGITS.fullmatch(digits):
        return None
    if not digits and not contact.user_id:
        return None
    kind, text = message.said()
    return Incoming(
        provider_id=message.id,
        phone=f"+{digits}" if digits else "",
        user_id=contact.user_id,
        name=contact.profile.name,
        kind=kind,
        type=message.type,
        text=text,
        sent_at=datetime.fromtimestamp(message.timestamp, UTC),
        raw=raw,
    )


def _status_told(status: _Status, raw: bytes) -> StatusTold:
    error = status.errors[0] if status.errors else None
    return StatusTold(
        provider_id=status.id,
        status=status.status,
        at=datetime.fromtimestamp(status.timestamp, UTC),
        correlation=status.biz_opaque_callback_data,
        pricing=status.pricing,
        error_code=error.code if error else None,
        error_title=error.title if error else "",
        raw=raw,
    )


def _raw(part: Any) -> bytes:
    """As ASCII JSON, which holds any string that JSON can."""
    return json.dumps(part, separators=(",", ":")).encode()
