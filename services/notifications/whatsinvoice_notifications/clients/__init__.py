"""Ports to the outside: WhatsApp and the invoices service, and what may go wrong there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from whatsinvoice_notifications.chat import Draft
from whatsinvoice_notifications.domain.billing import Document, Invoice
from whatsinvoice_notifications.domain.message import Attachment
from whatsinvoice_notifications.domain.people import Member


class Refused(Exception):  # noqa: N818  (it reads as what it is where it is caught)
    """WhatsApp answered and said no: its code and its words."""

    def __init__(self, code: int, title: str) -> None:
        super().__init__(f"{code} {title}")
        self.code = code
        self.title = title


class Unreachable(Exception):  # noqa: N818  (as above)
    """WhatsApp did not answer, or not in its own language; whether it acted is not known."""


class WhatsApp(Protocol):
    """The Cloud API of one number. Both raise Refused or Unreachable."""

    async def send(self, body: Mapping[str, Any]) -> str:
        """Hands a message over and gives WhatsApp's id of it."""
        ...

    async def upload(self, document: Document) -> str:
        """Uploads a PDF and gives its media id."""
        ...


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """The content of a message about a verification; without digits the phone is registered already."""

    digits: str
    tag: str
    purpose: str
    """register, reset_password or confirm."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A verification whose code the phone's holder asked for by its tag."""

    verification_id: str
    expires_at: datetime


class Auth(Protocol):
    """The auth service. All raise ServiceError; NOT_FOUND for what is spent, replaced, expired or never was."""

    async def code(self, verification_id: str) -> OneTimeCode: ...

    async def claim(self, phone: str, tag: str) -> Claimed: ...


class Invoices(Protocol):
    """The invoices service. On a member's word it checks that member's role. All raise ServiceError."""

    async def create_draft(self, member: Member, draft: Draft, *, key: str) -> Invoice:
        """A draft invoice of a complete chat draft; the same key gives the same draft again."""
        ...

    async def issue(self, member: Member, invoice_id: str) -> Invoice:
        """Issues a draft; a repeat gives the first answer again."""
        ...

    async def get(self, member: Member, invoice_id: str) -> Invoice: ...

    async def delete_draft(self, member: Member, invoice_id: str) -> None: ...

    async def document(self, business_id: str, which: Attachment) -> Document: ...
