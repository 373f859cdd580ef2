"""How long personal data stays: one rule per table, with a default that a setting may change, applied once a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy import Column, ColumnElement, Table, delete, select, true, tuple_, update

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

REMOVED = Counter("retention_rows_total", "Rows deleted or emptied because their time is over", ["service", "rule"])
DAY_SECONDS = 86_400.0
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Rows whose `moment` is `days` ago go, where `only` holds; with `emptied`, only these columns are overwritten.

    `name` is the table, or `table.column` where columns are emptied.
    """

    name: str
    table: Table
    moment: Column[Any]
    days: float
    only: ColumnElement[bool] = field(default_factory=true)
    emptied: Mapping[str, Any] = field(default_factory=dict)


class Retention:
    """The rules of one service. `days` overrides the defaults by the name of the rule."""

    def __init__(
        self, service: str, unit_of_work: UnitOfWork, rules: Sequence[RetentionRule], days: Mapping[str, float]
    ) -> None:
        """Raises:
        ValueError: `days` names a rule that does not exist, or a number of days that is not positive.
        """
        known = {rule.name for rule in rules}
        if unknown := sorted(set(days) - known):
            raise ValueError(f"{', '.join(unknown)}: no such retention rule; there are {', '.join(sorted(known))}")
        if wrong := sorted(name for name, number in days.items() if number <= 0):
            raise ValueError(f"{', '.join(wrong)}: days must be above 0")
        self._service = service
        self._unit_of_work = unit_of_work
        self._rules = rules
        self._days = {rule.name: days.get(rule.name, rule.days) for rule in rules}
        for rule in rules:
            REMOVED.labels(service, rule.name)

    def job(self) -> Job:
        """Return the daily job, which one process runs at a time."""
        return Job(f"{self._service}.retention", self.work, DAY_SECONDS, single=True)

    async def work(self) -> int:
        """Apply each rule to one batch of rows. Return how many rows went: above 0 the job goes on at once."""
        total = 0
        for rule in self._rules:
            count = await self._apply(rule)
            REMOVED.labels(self._service, rule.name).inc(count)
            if count:
                log.info("retention rows removed", rule=rule.name, count=count)
            total += count
        return total

    async def _apply(self, rule: RetentionRule) -> int:
        table, key = rule.table, tuple_(*rule.table.primary_key.columns)
        over = rule.moment < now() - timedelta(days=self._days[rule.name])
        batch = (
            select(*table.primary_key.columns).where(over, rule.only).limit(AT_ONCE).with_for_update(skip_locked=True)
        )
        statement = update(table).values(rule.emptied) if rule.emptied else delete(table)
        async with self._unit_of_work.begin() as tx:
            done = await tx.execute(statement.where(key.in_(batch)).returning(*table.primary_key.columns))
            return len(done.all())
