"""Disputes as Paystack keeps them: the payer's bank asks, the merchant answers, the bank decides.

Money given up in a dispute leaves the merchant without a refund object; a dispute that was declined and won costs
nothing.
"""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from .transactions import Transaction

Resolution = Literal["merchant-accepted", "declined", "auto-accepted"]
Event = Literal["create", "remind", "resolve"]

FEEDBACK, BANK, RESOLVED = "awaiting-merchant-feedback", "awaiting-bank-feedback", "resolved"
MERCHANT = "merchant@example.com"
_PAYER_BANK = "disputes@bank.example"
_FIRST_ID = 624_501
_FIRST_IDS = 10**9
"""It begins somewhere among so many: whoever kept those of another run must not find them taken."""


class AlreadyResolved(Exception):  # noqa: N818  a state of the dispute, not a mistake
    """Nothing changes a dispute that is resolved."""


@dataclass(frozen=True, slots=True)
class Step:
    status: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    sender: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    id: int
    fields: dict[str, Any]
    at: datetime


@dataclass(slots=True)
class Dispute:
    """`amount` is what the payer wants back, `refund_amount` what is offered, `accepted` what left; minor units."""

    id: int
    transaction: Transaction
    amount: int
    category: str
    due_at: datetime
    refund_amount: int
    status: str = FEEDBACK
    resolution: str | None = None
    accepted: int = 0
    uploaded_filename: str | None = None
    evidence: Evidence | None = None
    resolved_at: datetime | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    history: list[Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def enter(self, status: str, by: str) -> None:
        self.status, self.updated_at = status, datetime.now(UTC)
        self.history.append(Step(status, by, self.updated_at))


class Disputes:
    """`announce` tells the merchant. Files that the merchant uploads as evidence are kept by name."""

    def __init__(self, announce: Callable[[Event, Dispute], None]) -> None:
        self._announce = announce
        self._by_id: dict[int, Dispute] = {}
        self._ids = itertools.count(_FIRST_ID + secrets.randbelow(_FIRST_IDS))
        self._parts = itertools.count(1)
        self._awaited: dict[str, str] = {}
        self.files: dict[str, bytes] = {}

    def open(self, transaction: Transaction, amount: int, category: str, due_in: timedelta) -> Dispute:
        """The payer's bank asks for `amount`, of which the caller has checked that it is left."""
        due_at = datetime.now(UTC) + due_in
        dispute = Dispute(next(self._ids), transaction, amount, category, due_at, refund_amount=amount)
        self._by_id[dispute.id] = dispute
        dispute.enter(FEEDBACK, _PAYER_BANK)
        self._say(dispute, _PAYER_BANK, f"Customer complained: {category}")
        self._announce("create", dispute)
        return dispute

    def find(self, dispute_id: int) -> Dispute | None:
        return self._by_id.get(dispute_id)

    def newest_first(self) -> list[Dispute]:
        return list(reversed(self._by_id.values()))

    def of_transaction(self, transaction: Transaction) -> Dispute | None:
        """The latest about it."""
        return next((dispute for dispute in self.newest_first() if dispute.transaction is transaction), None)

    def remind(self, dispute: Dispute) -> None:
        self._still_open(dispute)
        self._announce("remind", dispute)

    def accept(self, dispute: Dispute, amount: int, message: str) -> Message:
        """The merchant gives `amount` up, which leaves at once. Raises AlreadyResolved."""
        self._still_open(dispute)
        said = self._say(dispute, MERCHANT, message)
        dispute.refund_amount = amount
        self._resolve(dispute, "merchant-accepted", amount, MERCHANT)
        return said

    def decline(self, dispute: Dispute, message: str, uploaded_filename: str) -> Message:
        """The merchant contests with evidence; now the bank decides. Raises AlreadyResolved."""
        self._still_open(dispute)
        said = self._say(dispute, MERCHANT, message)
        dispute.uploaded_filename, dispute.resolution = uploaded_filename, "declined"
        dispute.enter(BANK, MERCHANT)
        return said

    def decide(self, dispute: Dispute, resolution: Resolution) -> None:
        """The bank decides, or the time has run out. Raises AlreadyResolved."""
        self._still_open(dispute)
        lost = 0 if resolution == "declined" else min(dispute.refund_amount, dispute.transaction.left)
        self._resolve(dispute, resolution, lost, _PAYER_BANK)

    def add_evidence(self, dispute: Dispute, fields: dict[str, Any]) -> Evidence:
        self._still_open(dispute)
        dispute.evidence = Evidence(next(self._parts), fields, datetime.now(UTC))
        return dispute.evidence

    def await_file(self, dispute: Dispute, suffix: str) -> tuple[str, str]:
        """A new file name and the token that lets somebody put that file, once."""
        name, token = f"dispute-{dispute.id}-{secrets.token_hex(8)}{suffix}", secrets.token_urlsafe(16)
        self._awaited[name] = token
        return name, token

    def put_file(self, name: str, token: str, content: bytes) -> bool:
        """Whether the token was the right one; the bytes are kept."""
        if not secrets.compare_digest(self._awaited.get(name, ""), token) or not token:
            return False
        self.files[name] = content
        return True

    def _resolve(self, dispute: Dispute, resolution: Resolution, lost: int, by: str) -> None:
        dispute.resolution, dispute.accepted = resolution, lost
        dispute.transaction.disputed += lost
        dispute.enter(RESOLVED, by)
        dispute.resolved_at = dispute.updated_at
        dispute.transaction.reverse_if_nothing_is_kept()
        self._announce("resolve", dispute)

    def _say(self, dispute: Dispute, sender: str, body: str) -> Message:
        message = Message(next(self._parts), sender, body, datetime.now(UTC))
        dispute.messages.append(message)
        return message

    def _still_open(self, dispute: Dispute) -> None:
        if dispute.status == RESOLVED:
            raise AlreadyResolved(f"dispute {dispute.id} is resolved: {dispute.resolution}")
