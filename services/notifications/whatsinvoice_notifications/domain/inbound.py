"""What comes in from WhatsApp, once its webhook has been read."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

SIGNATURE_PREFIX = "sha256="

Kind = Literal["text", "button", "other", "silent", "changed", "edit", "deleted", "opened"]
"""How a message is worked off. `silent`: reactions and most system notes, which ask for no answer. `changed`: WhatsApp
says that the sender's number belongs to another person from now on. `edit` and `deleted` are about an earlier message.
`opened`: the chat was opened for the first time."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to us. At least one of phone (E.164) and user_id is known; `raw` is the JSON as Meta sent it."""

    provider_id: str
    phone: str
    user_id: str
    name: str
    kind: Kind
    type: str
    text: str
    """What was written, the id of the button, or the number changed to (E.164; empty where it is not told)."""
    sent_at: datetime
    raw: bytes
    about: str = ""
    """The provider's id of the earlier message that this one edits or deletes."""

    @property
    def sender(self) -> str:
        """In whose order messages are worked off."""
        return self.phone or self.user_id


@dataclass(frozen=True, slots=True)
class StatusTold:
    """News of a message of ours; `correlation` is our own message id, where Meta echoes it."""

    provider_id: str
    status: str
    at: datetime
    correlation: str
    pricing: dict[str, Any] | None
    error_code: int | None
    error_title: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """The content of one webhook: `unread` are the parts of an unknown shape, as JSON; `ignored` counts by reason the
    parts that are not for us.
    """

    messages: tuple[Incoming, ...] = ()
    statuses: tuple[StatusTold, ...] = ()
    unread: tuple[bytes, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stored message that a worker holds."""

    id: str
    attempts: int
    received_at: datetime
    incoming: Incoming


def is_genuine(app_secret: str, body: bytes, signature: str) -> bool:
    """Whether the X-Hub-Signature-256 header is HMAC-SHA256 of the raw body under the app secret, lower-case hex."""
    expected = SIGNATURE_PREFIX + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
