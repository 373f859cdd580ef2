"""The minute job: invoices to which money came lately, and a slice of all the rest, are held against their rules.

What breaks one is counted by rule and named in the log. A slice comes round again after as many minutes as there are
slices; what it found counts until then.
"""

from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Sequence

import structlog
from prometheus_client import Counter, Gauge
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_invoices.domain.breach import CHECKS, Breach
from whatsinvoice_invoices.repository import invariants as rows

log = structlog.get_logger(__name__)

BREACHES = Gauge("invoices_invariant_breaches", "Rows that break a rule of invoices", ["check"])
for _check in CHECKS:
    BREACHES.labels(_check)  # from zero: a rule that holds is told from one that nobody asks about
FAILURES = Counter("invoices_invariant_failures_total", "Slices of invoices that could not be checked")
SLICE, RECENT = 2_000, 2_000
COUNTERS_AT_ONCE, NUMBERS_AT_ONCE = 400, 50_000
"""Counters of a slice, and what they have counted together, but for the first business."""
NAMED = 20
"""Breaches of a rule that a run writes into the log."""


class InvariantsService:
    """`work` is the step of a job."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._invoices = _Round(self._next_invoices, self._check_invoices)
        self._numbers = _Round(self._next_numbers, self._check_numbers)

    async def work(self) -> int:
        """One run."""
        async with self._unit_of_work.read() as tx:
            found = await rows.of_invoices(tx, await rows.invoices_with_money_lately(tx, RECENT))
        found = list(dict.fromkeys([*found, *await self._invoices.look(), *await self._numbers.look()]))
        counts = Tally(breach.check for breach in found)
        for check in CHECKS:
            BREACHES.labels(check).set(counts[check])
            for breach in [breach for breach in found if breach.check == check][:NAMED]:
                told = {"check": check, "business_id": breach.business_id, "ids": list(breach.ids)}
                log.error("invoices do not hold", **told, said=breach.said)
        return 0

    async def _next_invoices(self, after: str) -> tuple[Sequence[str], str]:
        async with self._unit_of_work.read() as tx:
            ids = await rows.invoices_after(tx, after, SLICE)
        return ids, ids[-1] if len(ids) == SLICE else ""

    async def _next_numbers(self, after: str) -> tuple[Sequence[str], str]:
        async with self._unit_of_work.read() as tx:
            found = await rows.businesses_after(tx, after, COUNTERS_AT_ONCE)
        chosen: list[str] = []
        total = 0
        for business_id, count in found:
            total += count
            if chosen and total > NUMBERS_AT_ONCE:
                break
            chosen.append(business_id)
        return chosen, chosen[-1] if chosen else ""

    async def _check_invoices(self, ids: Sequence[str]) -> list[Breach]:
        async with self._unit_of_work.read() as tx:
            return await rows.of_invoices(tx, ids)

    async def _check_numbers(self, ids: Sequence[str]) -> list[Breach]:
        async with self._unit_of_work.read() as tx:
            return await rows.of_businesses(tx, ids)


class _Round:
    """Goes on from where it was, and begins again at the end; what stands is of this round and of the one before.

    `choose` takes the last id of the slice before, and returns the ids of a slice and its last one, empty at the end.
    """

    def __init__(
        self,
        choose: Callable[[str], Awaitable[tuple[Sequence[str], str]]],
        check: Callable[[Sequence[str]], Awaitable[list[Breach]]],
    ) -> None:
        self._choose = choose
        self._check = check
        self._after = ""
        self._found: list[Breach] = []
        self._before: list[Breach] = []

    async def look(self) -> list[Breach]:
        """Check the next slice. One that cannot be checked is counted, and stops neither the others nor the round."""
        ids, following = await self._choose(self._after)
        self._after = following  # moves on even where the check fails
        try:
            self._found += await self._check(ids)
        except Exception:  # the rule of this method
            FAILURES.inc()
            log.exception("a slice of invoices could not be checked", first=ids[:1])
        stands = [*self._before, *self._found]
        if not self._after:
            self._before, self._found = self._found, []
            stands = self._before
        return stands
