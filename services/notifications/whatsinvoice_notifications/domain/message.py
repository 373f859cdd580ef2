"""Outbound messages: what they hold, and the states they pass through, which never go back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any


class Status(Enum):
    """How far a message is known to have come."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Purpose(Enum):
    """Why a message is sent."""

    INVOICE = "invoice"
    RECEIPT = "receipt"
    PAYMENT_NOTICE = "payment_notice"
    TRANSFER_CLAIM = "transfer_claim"
    REFUND = "refund"
    MONEY_NOTICE = "money_notice"
    """Of a refund, a dispute, a payment that surprises, or the payout account."""
    ONE_TIME_CODE = "one_time_code"
    INVITATION = "invitation"
    SECURITY_NOTICE = "security_notice"
    WELCOME = "welcome"
    ANSWER = "answer"


NEXT: Mapping[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED}),
    Status.SENT: frozenset({Status.DELIVERED, Status.READ, Status.FAILED}),
    Status.DELIVERED: frozenset({Status.READ}),
    Status.READ: frozenset(),
    # Meta may report a failure first and a delivery later: the delivery is the truth
    Status.FAILED: frozenset({Status.DELIVERED, Status.READ}),
}
"""From each state, where it may go. Webhooks come in any order, and `read` implies a `delivered` that never came."""

WINDOW = timedelta(hours=24)
"""Free-form messages may be sent for so long after the contact last wrote (Meta)."""
WINDOW_MARGIN = timedelta(minutes=1)
LIFE = timedelta(hours=24)
"""A message that could not be sent for so long is no longer wanted."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PDF that invoices keeps: exactly one id is set."""

    invoice_id: str = ""
    receipt_id: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A WhatsApp template with what fills it; `button` is the value of its one URL or copy-code button."""

    name: str
    language: str
    parameters: tuple[str, ...]
    button: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What is said: free-form within the 24-hour window, by the template outside of it."""

    text: str
    buttons: tuple[tuple[str, str], ...] = ()
    """(id, title) of each."""
    attachment: Attachment | None = None
    template: Template | None = None

    def to_dict(self) -> dict[str, Any]:
        attachment, template = self.attachment, self.template
        return {
            "text": self.text,
            "buttons": [list(button) for button in self.buttons],
            "attachment": attachment and {"invoice_id": attachment.invoice_id, "receipt_id": attachment.receipt_id},
            "template": template
            and {
                "name": template.name,
                "language": template.language,
                "parameters": list(template.parameters),
                "button": template.button,
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Content":
        """Reads back what `to_dict` wrote."""
        template = data["template"]
        return cls(
            data["text"],
            tuple((identity, title) for identity, title in data["buttons"]),
            Attachment(**data["attachment"]) if data["attachment"] else None,
            Template(**(template | {"parameters": tuple(template["parameters"])})) if template else None,
        )


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be queued. `dedupe_key` names (event, recipient, purpose): a repeat is not queued again."""

    purpose: Purpose
    contact_id: str
    dedupe_key: str
    content: Content
    business_id: str = ""
    """Empty where no business speaks: one-time codes and answers to strangers."""
    invoice_id: str = ""
    verification_id: str = ""
    """Where the message is a one-time code: auth is asked for it when the message is sent."""
    expires_at: datetime | None = None
    template_only: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the queue, and its record afterwards."""

    id: str
    business_id: str
    invoice_id: str
    purpose: Purpose
    contact_id: str
    phone: str
    """E.164; empty when the contact has none."""
    user_id: str
    window_from: datetime | None
    """When the contact last wrote."""
    dedupe_key: str
    content: Content
    verification_id: str
    template_only: bool
    status: Status
    attempts: int
    provider_id: str
    error_code: str
    error_title: str
    pricing: Mapping[str, Any] | None
    queued_at: datetime
    expires_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    version: int
    traceparent: str = ""

    @property
    def has_template(self) -> bool:
        """Return whether it can be sent outside of the window: a one-time code always has a template."""
        return bool(self.verification_id) or self.content.template is not None

    def window_open(self, moment: datetime) -> bool:
        return self.window_from is not None and moment < self.window_from + WINDOW - WINDOW_MARGIN

    def over(self, moment: datetime) -> bool:
        """Too late to be sent."""
        return moment >= (self.expires_at or self.queued_at + LIFE)

    def told(self, status: Status, at: datetime, *, code: str = "", title: str = "") -> "Message":
        """As it is after hearing of a status; itself where that would be a step back."""
        if status not in NEXT[self.status]:
            return self
        moments: dict[str, Any] = {
            Status.SENT: {"sent_at": at},
            Status.DELIVERED: {"delivered_at": at},
            Status.READ: {"read_at": at},
        }.get(status, {})
        return replace(
            self,
            status=status,
            error_code=code,
            error_title=title,
            version=self.version + 1,
            **moments,
        )
