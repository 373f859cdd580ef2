"""Refunds as Paystack keeps them: queued at once, then moving by themselves unless they are held.

`pending -> processing -> processed`, or, by the card that paid, `failed` or `needs-attention`; the latter goes on only
when somebody gives the customer's bank account.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from whatsinvoice_sandbox.clock import ScaledClock

from .transactions import Transaction

FAILING_CARD = "4084080000671803"
ATTENTION_CARD = "4084080000671902"
_ENDS = {FAILING_CARD: "failed", ATTENTION_CARD: "needs-attention"}
_MOVES = {
    "pending": frozenset({"processing", "processed", "failed", "needs-attention"}),
    "processing": frozenset({"processed", "failed", "needs-attention"}),
    "needs-attention": frozenset({"processing", "processed", "failed"}),
}
_FIRST_ID = 3_018_284
_FIRST_IDS = 10**9
"""It begins somewhere among so many: whoever kept those of another run must not find them taken."""
_EXPECTED_AFTER = timedelta(days=7)


class CannotMove(Exception):  # noqa: N818  a state of the refund, not a mistake
    """A refund that is processed or failed stays so, and none goes back."""


@dataclass(slots=True)
class Refund:
    """`amount` in minor units; `refund_reference` is there from `processing` on."""

    id: int
    transaction: Transaction
    amount: int
    customer_note: str
    merchant_note: str
    status: str = "pending"
    refund_reference: str | None = None
    has_account: bool = False
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def currency(self) -> str:
        return self.transaction.currency

    @property
    def expected_at(self) -> datetime:
        return self.created_at + _EXPECTED_AFTER

    @property
    def refunded_at(self) -> datetime | None:
        return self.updated_at if self.status == "processed" else None

    @property
    def next_status(self) -> str | None:
        """Where it goes by itself."""
        if self.status == "pending":
            return "processing"
        if self.status != "processing":
            return None
        return "processed" if self.has_account else _ENDS.get(self.transaction.card_number, "processed")


class Refunds:
    """`step` is how long a refund stays in one status, in seconds of schedule time; `announce` tells the merchant."""

    def __init__(self, clock: ScaledClock, step: float, announce: Callable[[Refund], None]) -> None:
        self._clock = clock
        self._step = step
        self._announce = announce
        self._by_id: dict[int, Refund] = {}
        self._ids = itertools.count(_FIRST_ID + secrets.randbelow(_FIRST_IDS))
        self._free = asyncio.Event()
        self._free.set()
        self._moving: dict[int, asyncio.Task[None]] = {}

    @property
    def held(self) -> bool:
        return not self._free.is_set()

    def hold(self, *, held: bool) -> None:
        """While held, only `move` moves a refund; let go, all go on where they are."""
        if held:
            self._free.clear()
        else:
            self._free.set()

    def add(self, transaction: Transaction, amount: int, customer_note: str, merchant_note: str) -> Refund:
        """Queues a refund; the caller has checked that so much is left of the transaction."""
        refund = Refund(next(self._ids), transaction, amount, customer_note, merchant_note)
        self._by_id[refund.id] = refund
        transaction.refunding += amount
        self._announce(refund)
        self._keep_moving(refund)
        return refund

    def find(self, refund_id: int) -> Refund | None:
        return self._by_id.get(refund_id)

    def newest_first(self) -> list[Refund]:
        return list(reversed(self._by_id.values()))

    def move(self, refund: Refund, status: str) -> None:
        """Puts a refund into another status and tells the merchant. Raises CannotMove."""
        if status not in _MOVES.get(refund.status, frozenset()):
            raise CannotMove(f"refund {refund.id} is {refund.status} and cannot become {status}")
        refund.status, refund.updated_at = status, datetime.now(UTC)
        refund.refund_reference = refund.refund_reference or f"{secrets.randbelow(10**12):012d}"
        if status == "failed":
            refund.transaction.refunding -= refund.amount
        if status == "processed":
            refund.transaction.refunded += refund.amount
            refund.transaction.reverse_if_nothing_is_kept()
        self._announce(refund)
        self._keep_moving(refund)

    def resume(self) -> None:
        """Move the refunds on that were under way when the sandbox stopped."""
        for refund in self._by_id.values():
            self._keep_moving(refund)

    async def close(self) -> None:
        tasks = list(self._moving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep_moving(self, refund: Refund) -> None:
        if refund.id not in self._moving and refund.next_status:
            self._moving[refund.id] = asyncio.create_task(self._go_on(refund))

    async def _go_on(self, refund: Refund) -> None:
        try:
            while refund.next_status:
                before = refund.status
                await self._clock.sleep(self._step)
                await self._free.wait()
                if refund.status == before and (status := refund.next_status):
                    self.move(refund, status)
        finally:
            del self._moving[refund.id]
