"""Daily limits: how often a business may write to phones that are not its members', counted in the service's schema."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import BigInteger, Column, Date, MetaData, Table, Text, case, or_
from sqlalchemy.dialects.postgresql import insert

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import DAILY_LIMIT_REACHED, Kind, ServiceError
from whatsinvoice_kit.data.unit_of_work import Transaction


def daily_counts_table(metadata: MetaData) -> Table:
    """Return the table of counts: one row per business, which the next day overwrites."""
    return Table(
        "daily_counts",
        metadata,
        Column("business_id", Text, primary_key=True),
        Column("day", Date, nullable=False),
        Column("count", BigInteger, nullable=False),
    )


@dataclass(frozen=True, slots=True)
class DailyLimit:
    """At most `limit` of something per business and day (UTC); `what` names it in the plural."""

    table: Table
    limit: int
    what: str

    async def take(self, tx: Transaction, business_id: str) -> None:
        """Count one, in the caller's transaction.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED (DAILY_LIMIT_REACHED), with the seconds until the next day.
        """
        moment, counts = now(), self.table.c
        today = moment.astimezone(UTC).date()
        first = insert(self.table).values(business_id=business_id, day=today, count=1)
        same_day = counts.day == first.excluded.day
        counted = first.on_conflict_do_update(
            index_elements=[counts.business_id],
            set_={"day": first.excluded.day, "count": case((same_day, counts.count + 1), else_=1)},
            where=or_(~same_day, counts.count < self.limit),
        )
        if (await tx.execute(counted.returning(counts.count))).one_or_none() is None:
            message = f"your business has reached its limit of {self.limit:,} {self.what} a day; try again tomorrow"
            wait = datetime.combine(today + timedelta(days=1), time(), UTC) - moment
            raise ServiceError(
                Kind.RESOURCE_EXHAUSTED, DAILY_LIMIT_REACHED, message, retry_after=int(wait.total_seconds()) + 1
            )
