"""Stored webhooks as a person handles them: looked at, given their effect once more, and their bodies forgotten."""

from collections.abc import Sequence
from datetime import timedelta

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.domain.kept_webhook import KeptEvent, Selection
from whatsinvoice_payments.repository import webhooks as rows

AT_ONCE = 500


class KeptWebhooks:
    """`body_days`: how long a body is kept; it may hold what a payer wrote about herself."""

    def __init__(self, unit_of_work: UnitOfWork, body_days: float) -> None:
        self._unit_of_work = unit_of_work
        self._kept_for = timedelta(days=body_days)

    async def list_webhooks(self, wanted: Selection, limit: int) -> Sequence[KeptEvent]:
        """Oldest first."""
        async with self._unit_of_work.read() as tx:
            return await rows.list_events(tx, wanted, "", limit)

    async def replay_webhooks(self, wanted: Selection) -> tuple[int, int]:
        """Gives them back to the worker, whose effects change nothing that is right: how many, and how many cannot be
        since their bodies are gone. Those that still wait are left as they are.
        """
        replayed = emptied = 0
        after = ""
        while True:
            async with self._unit_of_work.begin() as tx:
                found = await rows.list_events(tx, wanted, after, AT_ONCE)
                replayed += await rows.replay_events(tx, [event.id for event in found])
            emptied += sum(event.emptied for event in found)
            if len(found) < AT_ONCE:
                return replayed, emptied
            after = found[-1].id

    async def tidy(self) -> int:
        """Empties the bodies of some that are old and have their outcome; how many."""
        async with self._unit_of_work.begin() as tx:
            return await rows.empty_bodies(tx, now() - self._kept_for, AT_ONCE)
