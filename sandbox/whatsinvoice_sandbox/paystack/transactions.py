"""Transactions as Paystack keeps them: one per reference, `abandoned` until the payer acts."""

import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .customers import Customer, Customers
from .dedicated import PROVIDERS, DedicatedAccount
from .fees import fees_of
from .subaccounts import Split

# Beyond 2^53, so that a client which takes an id for a float or 32 bits is found out; Paystack's are unsigned 64-bit.
_FIRST_ID = 2**53 + 1

# outcome -> (status, gateway_response)
OUTCOMES = {
    "success": ("success", "Successful"),
    "declined": ("failed", "Declined"),
    "insufficient_funds": ("failed", "Insufficient Funds"),
    "abandoned": ("abandoned", "The transaction was not completed"),
    "ongoing": ("ongoing", "Transaction in progress"),
    "pending": ("pending", "Transaction pending"),
    "processing": ("processing", "Transaction is being processed"),
    "queued": ("queued", "Transaction queued"),
    "reversed": ("reversed", "Transaction reversed"),
}


DEFAULT_CARD = "4084084084084081"
ONE_TIME_BANK = PROVIDERS["wema-bank"]
"""Where the account is that a payer of one transaction sends money to."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Who sent money, from where."""

    name: str = "CHIAMAKA EZE"
    bank: str = "Access Bank"
    account_number: str = "0690004421"
    narration: str = "NIP transfer"


class AlreadyPaid(Exception):  # noqa: N818  a state of the transaction, not a mistake
    """A payer cannot act again on a transaction that succeeded."""


@dataclass(slots=True)
class Transaction:
    """`requested` is what the merchant asked, `amount` what the payer paid; all amounts in minor units.

    `refunding` is the sum of its refunds that have not failed, `refunded` of the processed ones, `disputed` of what was
    given up in disputes.
    """

    id: int
    reference: str
    access_code: str
    requested: int
    currency: str
    customer: Customer
    callback_url: str
    channels: list[str]
    metadata: Any
    ip_address: str
    created_at: datetime
    amount: int
    status: str = "abandoned"
    gateway_response: str = OUTCOMES["abandoned"][1]
    channel: str = "card"
    card_number: str = ""
    fees: int | None = None
    paid_at: datetime | None = None
    account: DedicatedAccount | None = None
    account_expires_at: datetime | None = None
    transfer: Transfer = field(default_factory=Transfer)
    split: Split | None = None
    refunding: int = 0
    refunded: int = 0
    disputed: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def cancel_url(self) -> str:
        """Where a payer who gives up is sent: `metadata.cancel_action`, else the callback."""
        action = self.metadata.get("cancel_action") if isinstance(self.metadata, dict) else None
        return action if isinstance(action, str) else self.callback_url

    @property
    def transfer_account(self) -> str:
        """The one-time account number that the payer of this transaction sends money to."""
        return f"99{self.id % 10**8:08d}"

    @property
    def left(self) -> int:
        """What can still be refunded or disputed."""
        return self.amount - self.refunding - self.disputed

    def reverse_if_nothing_is_kept(self) -> None:
        """Once all of it went back to the payer, by refunds and disputes, a transaction is `reversed`."""
        if self.status == "success" and self.refunded + self.disputed >= self.amount:
            self.act("reversed", self.channel)

    def act(self, outcome: str, channel: str, amount: int | None = None, card_number: str = "") -> None:
        """The payer, or the provider, moves the transaction. Raises AlreadyPaid when it cannot move so."""
        settled = self.status in {"success", "reversed"}
        if settled != (outcome == "reversed") or self.status == "reversed":
            raise AlreadyPaid(self.reference)
        now = datetime.now(UTC)
        self.status, self.gateway_response = OUTCOMES[outcome]
        spent = int((now - self.created_at).total_seconds())
        kind = "success" if outcome == "success" else "action"
        self.history.append({"type": kind, "message": f"{self.gateway_response} ({channel})", "time": spent})
        if outcome == "reversed":
            return
        self.channel, self.card_number = channel, card_number
        if outcome == "success":
            self.amount = self.requested if amount is None else amount
            self.fees = fees_of(self.amount, self.currency, channel)
            self.paid_at = now


class Transactions:
    def __init__(self, customers: Customers) -> None:
        self._customers = customers
        self._by_reference: dict[str, Transaction] = {}
        self._by_access_code: dict[str, Transaction] = {}
        self._by_id: dict[int, Transaction] = {}
        self._by_transfer_account: dict[str, Transaction] = {}
        self._ids = itertools.count(_FIRST_ID)

    def add(self, *, email: str, amount: int, currency: str, reference: str, **details: Any) -> Transaction:
        """Creates a transaction; the caller has checked that the reference is new."""
        transaction = Transaction(
            id=next(self._ids),
            reference=reference,
            access_code=secrets.token_hex(8)[:15],
            requested=amount,
            amount=amount,
            currency=currency,
            customer=self._customers.of_email(email),
            created_at=datetime.now(UTC),
            **details,
        )
        self._by_reference[reference] = transaction
        self._by_access_code[transaction.access_code] = transaction
        self._by_id[transaction.id] = transaction
        if "bank_transfer" in transaction.channels:
            self._by_transfer_account[transaction.transfer_account] = transaction
        return transaction

    def by_reference(self, reference: str) -> Transaction | None:
        return self._by_reference.get(reference)

    def by_access_code(self, access_code: str) -> Transaction | None:
        return self._by_access_code.get(access_code)

    def by_id(self, transaction_id: int) -> Transaction | None:
        return self._by_id.get(transaction_id)

    def by_transfer_account(self, number: str) -> Transaction | None:
        return self._by_transfer_account.get(number)

    def find(self, reference_or_id: str) -> Transaction | None:
        found = self.by_reference(reference_or_id)
        return found or (self.by_id(int(reference_or_id)) if reference_or_id.isdecimal() else None)

    def newest_first(self) -> list[Transaction]:
        return list(reversed(self._by_reference.values()))

    def paid(self) -> list[Transaction]:
        """Those that were ever paid, oldest first."""
        return [transaction for transaction in self._by_reference.values() if transaction.paid_at]
