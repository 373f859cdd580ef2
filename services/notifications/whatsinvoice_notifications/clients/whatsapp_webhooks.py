"""Meta's webhook envelope -> what came in. Entries of an unknown shape are set aside, never an error."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.text import without_control

from whatsinvoice_notifications.domain.inbound import Batch, Incoming, Kind, StatusTold

_DIGITS = re.compile(r"[1-9]\d{6,14}")
_SILENT = ("reaction", "system", "ephemeral")
_CHANGES = frozenset({"user_changed_number", "user_changed_user_id"})
_LATEST = 4_102_444_800
"""The year 2100, in epoch seconds: a timestamp beyond it is none."""
MAX_TEXT = 4096


def _storable(value: Any) -> Any:
    """Cut a text to what we read, and take out control characters: JSON holds them, and no service takes them."""
    if isinstance(value, str):
        return without_control(value[:MAX_TEXT].encode("utf-8", "replace").decode())
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
    payload: Words = ""


class _Reply(_Loose):
    id: Words = ""


class _Interactive(_Loose):
    button_reply: _Reply | None = None
    list_reply: _Reply | None = None


class _System(_Loose):
    type: Words = ""
    wa_id: Words = ""
    previous_user_id: Words = ""


class _Media(_Loose):
    caption: Words = ""


class _Content(_Loose):
    """The part of a message that an edit replaces."""

    type: Name
    text: _Text | None = None
    image: _Media | None = None
    document: _Media | None = None
    video: _Media | None = None

    def written(self) -> str:
        """Return the text, or the caption of a picture, a document or a video."""
        media = {"image": self.image, "document": self.document, "video": self.video}.get(self.type)
        if media:
            return media.caption
        return self.text.body if self.type == "text" and self.text else ""


class _Edit(_Loose):
    original_message_id: Name
    message: _Content


class _Revoke(_Loose):
    original_message_id: Name


class _Message(_Content):
    id: Name
    timestamp: Seconds
    from_: Words = Field(default="", alias="from")
    from_user_id: Words = ""
    group_id: Words = ""
    button: _Button | None = None
    interactive: _Interactive | None = None
    system: _System | None = None
    edit: _Edit | None = None
    revoke: _Revoke | None = None

    def said(self) -> tuple[Kind, str]:
        """Return what the message is for us, and what it says."""
        if written := self.written():
            return "text", written
        if self.type in {"button", "interactive"}:
            return "button", self._tapped()
        if self.type == "system" and self.system and self.system.type in _CHANGES:
            return "changed", f"+{self.system.wa_id}" if _DIGITS.fullmatch(self.system.wa_id) else ""
        if self.type == "edit" and self.edit:
            return "edit", self.edit.message.written()
        kinds: dict[str, Kind] = {"request_welcome": "opened", **dict.fromkeys(_SILENT, "silent")}
        if self.revoke:
            kinds["revoke"] = "deleted"
        return kinds.get(self.type, "other"), ""

    def _tapped(self) -> str:
        """Return the id of the button; empty where it has none."""
        if self.button:
            return self.button.payload
        reply = self.interactive and (self.interactive.button_reply or self.interactive.list_reply)
        return reply.id if reply else ""

    @property
    def about(self) -> str:
        """The message that this one edits or deletes."""
        earlier = self.edit or self.revoke
        return earlier.original_message_id if earlier else ""


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


def read_webhook(body: bytes, number_id: str = "") -> Batch:
    """Read all messages and statuses of a webhook; raise INVALID_ARGUMENT (BODY_MALFORMED) unless it is an object.

    `number_id` is Meta's id of our number. Parts for another number of the same app, messages in groups and fields
    other than `messages` (such as `standby`) are counted, and no more.
    """
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    if not isinstance(envelope, dict):
        raise invalid("body", "BODY_MALFORMED", "the body is not a JSON object")
    reader = _Reader(number_id)
    for entry in reader.items(envelope, "entry"):
        for change in reader.items(entry, "changes"):
            value = change.get("value")
            if not isinstance(value, dict):
                reader.set_aside(change)
            elif change.get("field", "messages") != "messages":
                reader.ignored["other_field"] += 1
            else:
                reader.read(value)
    return Batch(tuple(reader.messages), tuple(reader.statuses), tuple(reader.unread), dict(reader.ignored))


class _Reader:
    """Collects from one webhook."""

    def __init__(self, number_id: str) -> None:
        self._number_id = number_id
        self.ignored: Counter[str] = Counter()
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

    def _is_ours(self, value: dict[str, Any]) -> bool:
        """Return whether the part is for our number; without a number in it, it is."""
        metadata = value.get("metadata")
        number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
        return not (self._number_id and isinstance(number, str) and number != self._number_id)

    def read(self, value: dict[str, Any]) -> None:
        """Collect the messages and the statuses of one change."""
        if not self._is_ours(value):
            self.ignored["other_number"] += 1
            return
        contacts = [contact for given in self.items(value, "contacts") if (contact := _read(_Contact, given))]
        for given in self.items(value, "messages"):
            message = _read(_Message, given)
            if message and message.group_id:
                self.ignored["group"] += 1
                continue
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
    """Return the message; None when it cannot be told for certain who wrote it."""
    contact = _sender(message, contacts)
    if contact is None:
        return None
    digits = message.from_ or contact.wa_id
    previous = message.system.previous_user_id if message.system else ""
    user_id = previous or contact.user_id or message.from_user_id
    if digits and not _DIGITS.fullmatch(digits):
        return None
    if not digits and not user_id:
        return None
    kind, text = message.said()
    return Incoming(
        provider_id=message.id,
        phone=f"+{digits}" if digits else "",
        user_id=user_id,
        name=contact.profile.name,
        kind=kind,
        type=message.type,
        text=text,
        sent_at=datetime.fromtimestamp(message.timestamp, UTC),
        raw=raw,
        about=message.about,
    )


def _sender(message: _Message, contacts: list[_Contact]) -> _Contact | None:
    """Return the contact of the message: by its number, by its business-scoped id, or the only one there is."""
    if message.from_:
        return next((contact for contact in contacts if contact.wa_id == message.from_), _Contact())
    if message.system and message.system.previous_user_id:
        return _Contact()
    if message.from_user_id:
        return next((contact for contact in contacts if contact.user_id == message.from_user_id), _Contact())
    return contacts[0] if len(contacts) == 1 else None


def read_status(raw: bytes) -> StatusTold | None:
    """Read one stored status again; None when its shape is not known."""
    status = _read(_Status, json.loads(raw))
    return _status_told(status, raw) if status else None


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
