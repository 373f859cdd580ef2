"""Our payments against the whole list of the provider's."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.clients import TransactionList
from whatsinvoice_payments.domain.breach import Breach
from whatsinvoice_payments.domain.charge import Charge
from whatsinvoice_payments.domain.provider_truth import CAPTURED, THEY_HAVE, compared, unheard_of
from whatsinvoice_payments.repository import provider_truth as rows

AT_ONCE = 200
MARGIN = timedelta(hours=1)
"""Their list is read from so much earlier: their clock is not ours."""


class ProviderAudit:
    """What was paid after `settled_until` may still be on its way to us."""

    def __init__(self, unit_of_work: UnitOfWork, provider: TransactionList, settled_until: datetime) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._settled_until = settled_until
        self._captured: set[str] = set()
        self.looked_at = 0
        """Transactions of theirs and payments of ours."""

    async def compare(self, since: datetime | None, until: datetime) -> list[Breach]:
        """Of payments begun from a moment on (the first one's without) and before another. Raises ProviderError."""
        async with self._unit_of_work.read() as tx:
            begun = since or await rows.first_payment_at(tx)
        found = []
        async for page in self._pages((begun or until) - MARGIN, until):
            found += await self._theirs(page)
        return found + (await self._ours(begun, min(until, self._settled_until)) if begun else [])

    async def _pages(self, since: datetime, until: datetime) -> AsyncIterator[list[Charge]]:
        page: list[Charge] = []
        async for charge in self._provider.transactions(since, until):
            page.append(charge)
            if len(page) == AT_ONCE:
                yield page
                page = []
        if page:
            yield page

    async def _theirs(self, page: list[Charge]) -> list[Breach]:
        references = [charge.reference for charge in page]
        async with self._unit_of_work.read() as tx:
            known = await rows.known_payments(tx, references)
            quarantined = await rows.quarantined_references(tx, references)
        self.looked_at += len(page)
        self._captured |= {charge.reference for charge in page if charge.status in CAPTURED}
        return [
            breach
            for charge in page
            if (breach := compared(charge, known.get(charge.reference))) is not None
            and not (breach.check == THEY_HAVE and (charge.reference in quarantined or self._is_fresh(charge)))
        ]

    def _is_fresh(self, charge: Charge) -> bool:
        return charge.paid_at is not None and charge.paid_at > self._settled_until

    async def _ours(self, since: datetime, until: datetime) -> list[Breach]:
        found: list[Breach] = []
        after = ""
        while True:
            async with self._unit_of_work.read() as tx:
                page = await rows.captured_after(tx, after, (since, until), AT_ONCE)
            self.looked_at += len(page)
            found += [unheard_of(known) for known in page if known.reference not in self._captured]
            if len(page) < AT_ONCE:
                return found
            after = page[-1].id
