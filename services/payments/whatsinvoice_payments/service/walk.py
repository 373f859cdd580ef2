"""The daily walk over the provider's own list: money that nobody told us of is found there, and all that differs.

One page is a step, and where it ended is kept, so that a walk goes on where it was broken off.
"""

from collections.abc import Sequence
from datetime import date

import structlog
from prometheus_client import Gauge
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork

from whatsinvoice_payments.clients import ProviderError, ProviderRefusal
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.domain.quarantine import Finding
from whatsinvoice_payments.domain.quarantine import Kind as Held
from whatsinvoice_payments.domain.walk import Difference, Kind, Listed, Stage, Walk, days_to_walk
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import walks as rows
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.service.settlement import hold_back
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService
from whatsinvoice_payments.service.walk_comparison import Comparison

log = structlog.get_logger(__name__)

DIFFERENCES = Gauge(
    "payments_walk_differences", "Where the provider's list and our books differ, and nobody has mended it", ["kind"]
)
LAST_WALK = Gauge("payments_walk_time_seconds", "When the last whole walk ended, in seconds since 1970")
ASKED_AT_ONCE = 50
WALK_JOB = "payments.walk"
"""Whoever walks holds this lock, the job as the command."""


class WalkService:
    """`scale` below 1 makes its schedule faster, for tests."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        provider: Paystack,
        deposits: VirtualAccountService,
        money_back: MoneyBack,
        scale: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._comparison = Comparison(unit_of_work, provider, deposits, money_back)
        self._scale = scale
        self._since = now()

    async def work(self) -> int:
        """One step of a walk that is due; 0 when there is none, or the provider is away and it is to wait."""
        async with self._unit_of_work.begin() as tx:
            moment = now()
            await rows.add_days(tx, days_to_walk(await rows.latest_day(tx), moment, self._scale), moment)
            walk = await rows.due_walk(tx, moment)
            if walk is not None:
                walk.begin(moment)
                await rows.save_walk(tx, walk)
        if walk is None:
            await self._measure()
            return 0
        try:
            await self._step(walk)
        except (ProviderError, ServiceError) as error:  # the provider is away, or invoices
            log.warning("the walk waits", day=str(walk.day), error=str(error))
            return 0
        return 1

    async def walk_day(self, day: date) -> None:
        """All of a day at once, from the start; raises ProviderError, after which the job goes on with it."""
        async with self._unit_of_work.begin() as tx:
            moment = now()
            await rows.add_days(tx, [day], moment)
            walk = await rows.walk_of(tx, day)
            if walk is None:
                raise AssertionError("a day that was added is there")
            walk.started_at = None
            walk.begin(moment)
            walk.next_at = moment
            await rows.save_walk(tx, walk)
        while walk.finished_at is None:
            await self._step(walk)

    async def list_differences(self, day: date | None) -> Sequence[Difference]:
        """Those that are open, of one day or of all."""
        async with self._unit_of_work.read() as tx:
            return await rows.open_differences(tx, day)

    async def _step(self, walk: Walk) -> None:
        if walk.stage is Stage.THEIRS:
            await self._read_page(walk)
        else:
            await self._ask_about_unseen(walk)

    async def _read_page(self, walk: Walk) -> None:
        try:
            page = await self._provider.transactions_page(walk.since, walk.until, walk.cursor)
        except ProviderRefusal as refusal:
            if not walk.cursor:
                raise ProviderError(f"the provider refused its list: {refusal}") from refusal
            log.warning("the provider knows our place in its list no more", day=str(walk.day), words=str(refusal))
            walk.restart()
            async with self._unit_of_work.begin() as tx:
                await rows.save_walk(tx, walk)
            return
        seen = [one.charge.reference for one in page.found if isinstance(one, Listed)]
        async with self._unit_of_work.read() as tx:
            known = await payment_rows.payments_by_reference(tx, seen)
        found = [await self._comparison.of_listed(walk, one, known) for one in page.found]
        walk.seen += len(page.found)
        walk.cursor = page.following
        if not page.following:
            walk.stage = Stage.OURS
        async with self._unit_of_work.begin() as tx:
            await rows.add_sightings(tx, walk.day, seen)
            await self._note(tx, found)
            await rows.save_walk(tx, walk)

    async def _ask_about_unseen(self, walk: Walk) -> None:
        """What counts here and was not in the list of its day: the provider's day may have been another."""
        async with self._unit_of_work.read() as tx:
            unseen = await rows.unseen_payments(tx, walk, ASKED_AT_ONCE)
        found = [await self._comparison.of_unseen(walk, payment) for payment in unseen]
        async with self._unit_of_work.begin() as tx:
            await self._note(tx, found)
            if len(unseen) == ASKED_AT_ONCE:
                walk.cursor = unseen[-1].id
            else:
                await self._finish(tx, walk)
            await rows.save_walk(tx, walk)
        if walk.finished_at is not None:
            await self._measure()

    async def _finish(self, tx: Transaction, walk: Walk) -> None:
        moment = now()
        await rows.resolve_unseen(tx, walk, moment)
        await rows.forget_sightings(tx, walk.day)
        differences = len(await rows.open_differences(tx, walk.day))
        walk.finish(differences, moment, self._scale)
        log.info("walked", day=str(walk.day), seen=walk.seen, differences=differences)

    async def _note(self, tx: Transaction, found: Sequence[Difference | None]) -> None:
        for difference in filter(None, found):
            fresh = await rows.put_difference(tx, difference, now())
            if fresh and difference.kind is Kind.UNKNOWN_MONEY:
                await hold_back(tx, _nobodys(difference))
            elif fresh:
                log.error("the provider and our books differ", kind=difference.kind.value, day=str(difference.day))

    async def _measure(self) -> None:
        async with self._unit_of_work.read() as tx:
            counts = await rows.count_open(tx)
            ended = await rows.last_finished(tx)
        for kind in Kind:
            DIFFERENCES.labels(kind.value).set(counts.get(kind, 0))
        LAST_WALK.set((ended or self._since).timestamp())  # nobody waits yet for the first one of all


def _nobodys(difference: Difference) -> Finding:
    reason = "the provider has it and no payment of ours"
    return Finding(
        Held.REFERENCE,
        difference.reference,
        reason,
        amount_minor=difference.theirs_minor,
        currency=difference.currency,
    )
