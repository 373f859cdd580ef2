"""The minute job: what has changed lately, and a slice of all the rest, is held against the rules of the books.

What breaks one is counted by rule and named in the log. A slice comes round again after as many minutes as there are
slices; what it found counts until then. `make audit` looks at everything at once.
"""

from collections import Counter as Tally
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.domain.breach import CHECKS, Breach
from whatsinvoice_payments.repository import chain as chain_rows
from whatsinvoice_payments.repository import invariants as rows
from whatsinvoice_payments.service.books_checks import PUBLISHED_WITHIN, Rounds, Slice, of_links, of_payments

log = structlog.get_logger(__name__)

BREACHES = Gauge("payments_invariant_breaches", "Rows that break a rule of the books", ["check"])
for _check in CHECKS:
    BREACHES.labels(_check)  # from zero: a rule that holds is told from one that nobody asks about
FAILURES = Counter("payments_invariant_failures_total", "Slices of the books that could not be checked")
LATELY = timedelta(days=2)
SLICE, RECENT = 1_000, 3_000
"""Rows of each kind in a run: of the round, and of those that changed lately."""
NAMED = 20
"""Breaches of a rule that a run writes into the log."""


class InvariantsService:
    """`work` is the step of a job."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        rounds = Rounds(unit_of_work, SLICE)
        self._rounds = [_Memory(step) for step in (rounds.payments, rounds.links, rounds.businesses, rounds.anchors)]

    async def work(self) -> int:
        """One run."""
        found = await self._lately()
        for memory in self._rounds:
            found += await memory.look()
        breaches = list(dict.fromkeys(found))
        counts = Tally(breach.check for breach in breaches)
        for check in CHECKS:
            BREACHES.labels(check).set(counts[check])
            for breach in [breach for breach in breaches if breach.check == check][:NAMED]:
                told = {"check": check, "business_id": breach.business_id, "ids": list(breach.ids)}
                log.error("the books do not hold", **told, said=breach.said)
        return 0

    async def _lately(self) -> list[Breach]:
        since = now() - LATELY
        async with self._unit_of_work.read() as tx:
            return [
                *await of_payments(tx, await rows.payments_since(tx, since, RECENT)),
                *await of_links(tx, await chain_rows.links_since(tx, since, RECENT)),
                *await rows.of_outbox(tx, now() - PUBLISHED_WITHIN),
            ]


class _Memory:
    """What a round has found so far, and what the one before it found."""

    def __init__(self, step: Callable[[], Awaitable[Slice]]) -> None:
        self._step = step
        self._found: list[Breach] = []
        self._before: list[Breach] = []

    async def look(self) -> list[Breach]:
        """Check the next slice. Return what stands against all of them.

        A slice that cannot be checked, such as one with a business too large for the time there is, is counted and
        named in the log, and stops neither the other rules nor the slices after it.
        """
        try:
            looked = await self._step()
        except Exception:  # the rule of this method
            FAILURES.inc()
            log.exception("a slice of the books could not be checked")
            return [*self._before, *self._found]
        self._found += looked.breaches
        stands = [*self._before, *self._found]
        if looked.last:
            self._before, self._found = self._found, []
            stands = self._before
        return stands
