"""The walk's rows: days, what was seen of each, and where the provider's list and our books differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.payment import PAYSTACK, Payment, Status
from whatsinvoice_payments.domain.walk import DAY, Difference, Kind, Stage, Walk
from whatsinvoice_payments.models import PAYMENTS, WALK_DIFFERENCES, WALK_SIGHTINGS, WALKS
from whatsinvoice_payments.repository.payments import payment_of

OPEN, RESOLVED = "open", "resolved"


async def latest_day(tx: Transaction) -> date | None:
    """The last day that is known; None before the first walk of all."""
    found: date | None = (await tx.execute(select(func.max(WALKS.c.day)))).scalar_one()
    return found


async def add_days(tx: Transaction, days: Iterable[date], next_at: datetime) -> None:
    """Days that are to be walked; one that is known stays as it is."""
    rows = [{"day": day, "stage": Stage.THEIRS.value, "next_at": next_at} for day in days]
    if rows:
        await tx.execute(upsert(WALKS).on_conflict_do_nothing(), rows)


async def due_walk(tx: Transaction, moment: datetime) -> Walk | None:
    """The one that was broken off, else the earliest day that is due, locked."""
    under_way = WALKS.c.started_at.is_not(None) & WALKS.c.finished_at.is_(None)
    statement = select(WALKS).where(WALKS.c.next_at <= moment).order_by(under_way.desc(), WALKS.c.day)
    row = (await tx.execute(statement.limit(1).with_for_update())).one_or_none()
    return _walk(row) if row else None


async def walk_of(tx: Transaction, day: date) -> Walk | None:
    row = (await tx.execute(select(WALKS).where(WALKS.c.day == day).with_for_update())).one_or_none()
    return _walk(row) if row else None


async def save_walk(tx: Transaction, walk: Walk) -> None:
    values = asdict(walk) | {"stage": walk.stage.value}
    await tx.execute(update(WALKS).where(WALKS.c.day == walk.day).values(values))


async def add_sightings(tx: Transaction, day: date, references: Iterable[str]) -> None:
    rows = [{"day": day, "reference": reference} for reference in sorted(set(references))]
    if rows:
        await tx.execute(upsert(WALK_SIGHTINGS).on_conflict_do_nothing(), rows)


async def forget_sightings(tx: Transaction, day: date) -> None:
    await tx.execute(delete(WALK_SIGHTINGS).where(WALK_SIGHTINGS.c.day == day))


async def unseen_payments(tx: Transaction, walk: Walk, limit: int) -> Sequence[Payment]:
    """What counts in our books, was made that day, and was not in the list; by id, after the walk's cursor."""
    seen = select(WALK_SIGHTINGS).where(
        WALK_SIGHTINGS.c.day == walk.day, WALK_SIGHTINGS.c.reference == PAYMENTS.c.reference
    )
    statement = (
        select(PAYMENTS)
        .where(
            PAYMENTS.c.provider == PAYSTACK,
            PAYMENTS.c.status == Status.SUCCEEDED.value,
            PAYMENTS.c.created_at >= walk.since,
            PAYMENTS.c.created_at < walk.since + DAY,
            PAYMENTS.c.id > walk.cursor,
            ~seen.exists(),
        )
        .order_by(PAYMENTS.c.id)
        .limit(limit)
    )
    return [payment_of(row) for row in await tx.execute(statement)]


async def put_difference(tx: Transaction, difference: Difference, moment: datetime) -> bool:
    """Keeps it as open; whether it was not open before."""
    table = WALK_DIFFERENCES
    key = (table.c.day == difference.day, table.c.reference == difference.reference, table.c.kind == _key(difference))
    known = select(table.c.status).where(*key, table.c.status == OPEN).with_for_update()
    was_open = (await tx.execute(known)).one_or_none() is not None
    values = asdict(difference) | {"kind": _key(difference), "status": OPEN, "seen_at": moment, "resolved_at": None}
    statement = upsert(table).values(values | {"created_at": moment})
    await tx.execute(statement.on_conflict_do_update(index_elements=["day", "reference", "kind"], set_=values))
    return not was_open


async def resolve_unseen(tx: Transaction, walk: Walk, moment: datetime) -> None:
    """What an earlier walk of the day found and this one did not."""
    table = WALK_DIFFERENCES
    unseen = (table.c.day == walk.day, table.c.status == OPEN, table.c.seen_at < walk.started_at)
    await tx.execute(update(table).where(*unseen).values(status=RESOLVED, resolved_at=moment))


async def open_differences(tx: Transaction, day: date | None) -> Sequence[Difference]:
    """Of one day, or of all of them."""
    table = WALK_DIFFERENCES
    statement = select(table).where(table.c.status == OPEN)
    if day is not None:
        statement = statement.where(table.c.day == day)
    rows = await tx.execute(statement.order_by(table.c.day, table.c.reference, table.c.kind))
    return [
        Difference(row.day, row.reference, Kind(row.kind), row.ours_minor, row.theirs_minor, row.currency, row.detail)
        for row in rows
    ]


async def count_open(tx: Transaction) -> Mapping[Kind, int]:
    table = WALK_DIFFERENCES
    statement = select(table.c.kind, func.count().label("n")).where(table.c.status == OPEN).group_by(table.c.kind)
    return {Kind(row.kind): row.n for row in await tx.execute(statement)}


async def last_finished(tx: Transaction) -> datetime | None:
    """When the last whole walk ended."""
    found: datetime | None = (await tx.execute(select(func.max(WALKS.c.finished_at)))).scalar_one()
    return found


def _walk(row: Row[tuple[object, ...]]) -> Walk:
    values = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    return Walk(**(values | {"stage": Stage(values["stage"])}))


def _key(difference: Difference) -> str:
    return difference.kind.value
