"""The ledger's chain: links, heads and anchors as they lie there, and the entries that they speak of."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Row, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.chain import START, Head, Link, Written
from whatsinvoice_payments.models import LEDGER_ANCHORS, LEDGER_ENTRIES, LEDGER_HEADS, LEDGER_SETS

_SETS, _ENTRIES = LEDGER_SETS.c, LEDGER_ENTRIES.c


async def links_after(tx: Transaction, business_id: str, position: int, limit: int) -> Sequence[Link]:
    """Of all chains, in the order of businesses and positions."""
    place = tuple_(_SETS.business_id, _SETS.position)
    statement = select(LEDGER_SETS).where(place > (business_id, position)).order_by(*place).limit(limit)
    return [_link(row) for row in await tx.execute(statement)]


async def links_since(tx: Transaction, moment: datetime, limit: int) -> Sequence[Link]:
    """Those of a moment and later, the newest first where there are more; ordered as `links_after`."""
    newest = select(LEDGER_SETS).where(_SETS.created_at >= moment).order_by(_SETS.created_at.desc()).limit(limit)
    found = [_link(row) for row in await tx.execute(newest)]
    return sorted(found, key=lambda link: (link.business_id, link.position))


async def head_before(tx: Transaction, business_id: str, position: int) -> Head:
    """The newest link before a position, or the start."""
    statement = select(LEDGER_SETS).where(_SETS.business_id == business_id, _SETS.position < position)
    row = (await tx.execute(statement.order_by(_SETS.position.desc()).limit(1))).one_or_none()
    return Head(business_id, row.position, row.hash) if row else Head(business_id, 0, START)


async def entries_of(tx: Transaction, entry_set_ids: Sequence[str]) -> dict[str, list[Written]]:
    """By set; a set that has none is not in it."""
    statement = select(LEDGER_ENTRIES).where(_ENTRIES.entry_set_id.in_(entry_set_ids)).order_by(_ENTRIES.entry_set_id)
    written = [Written(**row) for row in (await tx.execute(statement)).mappings()]
    return {key: list(found) for key, found in groupby(written, key=lambda entry: entry.entry_set_id)}


async def heads_after(tx: Transaction, business_id: str, limit: int) -> Sequence[tuple[Head, Head]]:
    """Return by business the head, and where its chain really ends."""
    last = (
        select(_SETS.position, _SETS.hash)
        .where(_SETS.business_id == LEDGER_HEADS.c.business_id)
        .order_by(_SETS.position.desc())
        .limit(1)
        .lateral("last")
    )
    statement = (
        select(
            LEDGER_HEADS, func.coalesce(last.c.position, 0).label("end"), func.coalesce(last.c.hash, START).label("at")
        )
        .select_from(LEDGER_HEADS.outerjoin(last, true()))
        .where(LEDGER_HEADS.c.business_id > business_id)
        .order_by(LEDGER_HEADS.c.business_id)
        .limit(limit)
    )
    return [
        (
            Head(row.business_id, row.position, bytes(row.hash)),
            Head(row.business_id, row.end, bytes(row.at)),
        )
        for row in await tx.execute(statement)
    ]


async def heads(tx: Transaction) -> Sequence[Head]:
    """Of every business that has a set."""
    statement = select(LEDGER_HEADS).where(LEDGER_HEADS.c.position > 0).order_by(LEDGER_HEADS.c.business_id)
    return [Head(row.business_id, row.position, row.hash) for row in await tx.execute(statement)]


async def heads_that_moved(tx: Transaction, business_id: str, limit: int) -> Sequence[Head]:
    """Return the next heads, by business, that no anchor knows where they are now."""
    anchored = select(LEDGER_ANCHORS).where(
        LEDGER_ANCHORS.c.business_id == LEDGER_HEADS.c.business_id,
        LEDGER_ANCHORS.c.position == LEDGER_HEADS.c.position,
    )
    statement = select(LEDGER_HEADS).where(
        LEDGER_HEADS.c.business_id > business_id, LEDGER_HEADS.c.position > 0, ~anchored.exists()
    )
    rows = await tx.execute(statement.order_by(LEDGER_HEADS.c.business_id).limit(limit))
    return [Head(row.business_id, row.position, row.hash) for row in rows]


async def add_anchors(tx: Transaction, anchored: Sequence[Head], moment: datetime) -> int:
    """Keeps the heads that are not kept yet; how many those were."""
    rows = [
        {"business_id": head.business_id, "position": head.position, "hash": head.hash, "taken_at": moment}
        for head in anchored
    ]
    if not rows:
        return 0
    statement = insert(LEDGER_ANCHORS).values(rows).on_conflict_do_nothing()
    return len((await tx.execute(statement.returning(LEDGER_ANCHORS.c.business_id))).all())


async def anchors_after(tx: Transaction, business_id: str, position: int, limit: int) -> Sequence[Head]:
    """As `links_after`."""
    place = tuple_(LEDGER_ANCHORS.c.business_id, LEDGER_ANCHORS.c.position)
    statement = select(LEDGER_ANCHORS).where(place > (business_id, position)).order_by(*place).limit(limit)
    return [Head(row.business_id, row.position, row.hash) for row in await tx.execute(statement)]


async def hashes_at(tx: Transaction, places: Sequence[Head]) -> dict[tuple[str, int], bytes]:
    """Of the links at these places, as far as there are such."""
    wanted = [(head.business_id, head.position) for head in places]
    statement = select(LEDGER_SETS).where(tuple_(_SETS.business_id, _SETS.position).in_(wanted))
    return {(row.business_id, row.position): row.hash for row in await tx.execute(statement)}


async def ends_of(tx: Transaction, business_ids: Sequence[str]) -> dict[str, int]:
    """The last position of each chain; those without any are not in it."""
    statement = select(_SETS.business_id, func.max(_SETS.position).label("position")).where(
        _SETS.business_id.in_(business_ids)
    )
    rows = await tx.execute(statement.group_by(_SETS.business_id))
    return {row.business_id: row.position for row in rows}


def _link(row: Row[tuple[object, ...]]) -> Link:
    return Link(row.business_id, row.position, row.entry_set_id, row.entries, row.previous_hash, row.hash)
