"""The minute job: invoices to which money came lately, and a slice of all the rest, are held against their rules.

What breaks one is counted by rule and named in the log. A slice comes round again after as many minutes as there are
slices; what it found counts until then.
"""

from collections import Counter
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Gauge
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_invoices.domain.breach import CHECKS, Breach
from whatsinvoice_invoices.repository import invariants as rows

log = structlog.get_logger(__name__)

BREACHES = Gauge("invoices_invariant_breaches", "Rows that break a rule of invoices", ["check"])
for _check in CHECKS:
    BREACHES.labels(_check)  # from zero: a rule that holds is told from one that nobody asks about
SLICE, RECENT = 2_000, 2_000
COUNTERS_AT_ONCE, NUMBERS_AT_ONCE = 400, 50_000
"""Counters of a slice, and what they have counted together, but for the first business."""
NAMED = 20
"""Breaches of a rule that a run writes into the log."""


class InvariantsService:
    """`work` is the step of a job."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._invoices, self._numbers = _Round(self._next_invoices), _Round(self._next_numbers)

    async def work(self) -> int:
        """One run."""
        async with self._unit_of_work.read() as tx:
            found = await rows.of_invoices(tx, await rows.invoices_with_money_lately(tx, RECENT))
        found = list(dict.fromkeys([*found, *await self._invoices.look(), *await self._numbers.look()]))
        counts = Counter(breach.check for breach in found)
        for check in CHECKS:
            BREACHES.labels(check).set(counts[check])
            for breach in [breach for breach in found if breach.check == check][:NAMED]:
                told = {"check": check, "business_id": breach.business_id, "ids": list(breach.ids)}
                log.error("invoices do not hold", **told, said=breach.said)
        return 0

    async def _next_invoices(self, after: str) -> tuple[list[Breach], str]:
        async with self._unit_of_work.read() as tx:
            ids = await rows.invoices_after(tx, after, SLICE)
            return await rows.of_invoices(tx, ids), ids[-1] if len(ids) == SLICE else ""

    async def _next_numbers(self, after: str) -> tuple[list[Breach], str]:
        async with self._unit_of_work.read() as tx:
            found = await rows.businesses_after(tx, after, COUNTERS_AT_ONCE)
            chosen: list[str] = []
            total = 0
            for business_id, count in found:
                total += count
                if chosen and total > NUMBERS_AT_ONCE:
                    break
                chosen.append(business_id)
            return await rows.of_businesses(tx, chosen), chosen[-1] if chosen else ""


class _Round:
    """Goes on from where it was, and begins again at the end; what stands is of this round and of the one before.

    `step` is given the last id that was looked at, and gives the next one, empty at the end.
    """

    def __init__(self, step: Callable[[str], Awaitable[tuple[list[Breach], str]]]) -> None:
        self._step = step
        self._after = ""
        self._found: list[Breach] = []
        self._before: list[Breach] = []

    async def look(self) -> list[Breach]:
        breaches, self._after = await self._step(self._after)
        self._found += breaches
        stands = [*self._before, *self._found]
        if not self._after:
            self._before, self._found = self._found, []
            stands = self._before
        return stands
