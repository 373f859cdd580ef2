"""Payments against what invoices recorded of them, asked over RPC: a page of each at a time, never another's schema."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.domain.breach import Breach
from whatsinvoice_payments.domain.recorded import InvoiceFault, Recorded, compare, unpaid, unrecorded
from whatsinvoice_payments.repository import recorded as rows

AT_ONCE = 100
"""Rows of a page: as many as the RPCs of invoices return."""


class RecordedPayments(Protocol):
    """What the audit asks of invoices."""

    def recorded(self) -> AsyncIterator[Sequence[Recorded]]:
        """Yield every recorded payment, a page at a time."""

    async def recorded_as(self, payment_ids: Sequence[str]) -> Sequence[Recorded]:
        """Return the recorded ones of these payments."""

    def faults(self) -> AsyncIterator[tuple[int, Sequence[InvoiceFault]]]:
        """Yield of each page of invoices how many were checked, and their faults."""


class RecordedAudit:
    """Compare both ways. A payment that settled after `settled_before` may not have reached its invoice yet."""

    def __init__(self, unit_of_work: UnitOfWork, invoices: RecordedPayments, settled_before: datetime) -> None:
        self._unit_of_work = unit_of_work
        self._invoices = invoices
        self._settled_before = settled_before
        self.receipts = 0
        self.payments = 0
        self.checked = 0

    async def compare(self) -> list[Breach]:
        """Return every breach.

        Raises:
            ServiceError: invoices could not be asked.
        """
        return [*await self._theirs(), *await self._ours(), *await self._of_invoices()]

    async def _theirs(self) -> list[Breach]:
        found: list[Breach] = []
        async for page in self._invoices.recorded():
            async with self._unit_of_work.read() as tx:
                known = await rows.payments_as(tx, [recorded.payment_id for recorded in page])
            self.receipts += len(page)
            breaches = (compare(recorded, known.get(recorded.payment_id)) for recorded in page)
            found += [breach for breach in breaches if breach is not None]
        return found

    async def _ours(self) -> list[Breach]:
        found: list[Breach] = []
        last = ""
        while True:
            async with self._unit_of_work.read() as tx:
                page = await rows.settled_after(tx, last, self._settled_before, AT_ONCE)
            if not page:
                return found
            self.payments += len(page)
            recorded = {one.payment_id for one in await self._invoices.recorded_as([one.id for one in page])}
            found += [unrecorded(settled) for settled in page if settled.id not in recorded]
            last = page[-1].id

    async def _of_invoices(self) -> list[Breach]:
        found: list[Breach] = []
        async for checked, faults in self._invoices.faults():
            self.checked += checked
            found += [unpaid(fault) for fault in faults]
        return found
