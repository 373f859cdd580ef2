"""The phones of merchants and customers: what each has sent and received, and who is watching it live."""

import asyncio
import base64
import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

WINDOW_SECONDS = 24 * 3600.0
_NUMBER = re.compile(r"\+?([1-9]\d{7,14})")
_RANK = {"sent": 0, "delivered": 1, "read": 2}

Direction = Literal["inbound", "outbound"]
"""As the business sees it: `outbound` went to the phone, `inbound` came from it."""


class NotANumber(ValueError):  # noqa: N818  reads better where it is caught
    """The text is no phone number in E.164, with or without its plus."""


def digits_of(number: str) -> str:
    """The number as WhatsApp writes it, digits only."""
    match = _NUMBER.fullmatch(number.strip())
    if match is None:
        raise NotANumber(f"{number!r} is not a phone number in international form, such as +2348012345678")
    return match[1]


def message_id() -> str:
    return f"wamid.{base64.b64encode(secrets.token_bytes(24)).decode()}"


@dataclass(slots=True)
class PhoneMessage:
    """`content` holds what its type has: text, buttons, document, url_button, template, audio."""

    id: str
    seq: int
    direction: Direction
    type: str
    at: datetime
    content: dict[str, Any]
    status: str = "sent"
    callback_data: str | None = None

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "seq": self.seq,
            "direction": self.direction,
            "type": self.type,
            "status": self.status,
            "at": self.at.isoformat(),
            **self.content,
        }


@dataclass(slots=True)
class Phone:
    """One phone, by its digits. `last_wrote` is in seconds since the epoch."""

    number: str
    name: str
    messages: list[PhoneMessage] = field(default_factory=list)
    last_wrote: float | None = None
    given_user_id: str = ""
    """Set when another person holds the number, who has another business-scoped id."""
    _watchers: set[asyncio.Queue[tuple[str, dict[str, Any]] | None]] = field(default_factory=set)

    def __reduce__(self) -> tuple[Any, ...]:
        """What is kept across a restart: all but who is watching."""
        kept = (self.number, self.name, self.messages, self.last_wrote, self.given_user_id)
        return type(self), kept

    @property
    def user_id(self) -> str:
        """The business-scoped id, which stays the same for a person and does not tell the number."""
        return self.given_user_id or f"NG.{int(hashlib.sha256(self.number.encode()).hexdigest()[:14], 16)}"

    @property
    def window_open(self) -> bool:
        """Free-form messages may be sent for 24 hours after the phone last wrote."""
        return self.last_wrote is not None and time.time() - self.last_wrote < WINDOW_SECONDS

    def add(
        self, direction: Direction, kind: str, content: dict[str, Any], callback_data: str | None = None
    ) -> PhoneMessage:
        now = datetime.now(UTC)
        if direction == "inbound":
            self.last_wrote = now.timestamp()
        seq = len(self.messages) + 1
        message = PhoneMessage(message_id(), seq, direction, kind, now, content, callback_data=callback_data)
        self.messages.append(message)
        self._tell("message", message.view())
        return message

    def advance(self, message: PhoneMessage, status: str) -> bool:
        """Moves a message on to `status`; false where it is there already or further."""
        if _RANK[status] <= _RANK[message.status]:
            return False
        message.status = status
        self._tell("message", message.view())
        return True

    def change(self, message: PhoneMessage, content: dict[str, Any]) -> None:
        """Show a message with other content: it was edited or deleted."""
        message.content = content
        self._tell("message", message.view())

    def find(self, wanted: str) -> PhoneMessage | None:
        return next((message for message in self.messages if message.id == wanted), None)

    def find_button(self, button_id: str) -> tuple[PhoneMessage, dict[str, str]] | None:
        """The latest received message that shows this button."""
        for message in reversed(self.messages):
            for button in message.content.get("buttons", []):
                if button["id"] == button_id:
                    return message, button
        return None

    def show_typing(self) -> None:
        self._tell("typing", {})

    def watch(self) -> asyncio.Queue[tuple[str, dict[str, Any]] | None]:
        """A live feed that starts with all that is there; None ends it."""
        queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        for message in self.messages:
            queue.put_nowait(("message", message.view()))
        self._watchers.add(queue)
        return queue

    def unwatch(self, queue: asyncio.Queue[tuple[str, dict[str, Any]] | None]) -> None:
        self._watchers.discard(queue)

    def end_watches(self) -> None:
        for queue in self._watchers:
            queue.put_nowait(None)

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        for queue in self._watchers:
            queue.put_nowait((event, data))


class Phones:
    def __init__(self) -> None:
        self._phones: dict[str, Phone] = {}

    def __iter__(self) -> Iterator[Phone]:
        return iter(self._phones.values())

    def get(self, number: str) -> Phone:
        """The phone of this number, which exists once it is spoken of. Raises NotANumber."""
        digits = digits_of(number)
        return self._phones.setdefault(digits, Phone(digits, f"Phone {digits[-4:]}"))

    def by_user_id(self, user_id: str) -> Phone | None:
        return next((phone for phone in self if phone.user_id == user_id), None)

    def find_message(self, wanted: str) -> tuple[Phone, PhoneMessage] | None:
        return next(((phone, message) for phone in self if (message := phone.find(wanted))), None)
