"""The rules of the books, asked of a slice of the rows at a time: the minute job and the audit ask the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork

from whatsinvoice_payments.domain.breach import Breach
from whatsinvoice_payments.domain.chain import Head, Link, against_anchor, broken_end, broken_links
from whatsinvoice_payments.repository import chain as chain_rows
from whatsinvoice_payments.repository import invariants as rows

ALLOCATED_WITHIN = timedelta(minutes=15)
HEARD_WITHIN = timedelta(minutes=1)
PUBLISHED_WITHIN = timedelta(seconds=60)
BUSINESSES_AT_ONCE = 200
SETS_AT_ONCE = 20_000
"""Of the businesses of a slice together, but for the first one."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What was looked at: how many rows, what of them is wrong, and whether these were the last."""

    rows: int
    breaches: list[Breach]
    last: bool


class Rounds:
    """Goes through all there is, a slice a call, and begins again after the last one."""

    def __init__(self, unit_of_work: UnitOfWork, size: int) -> None:
        self._unit_of_work = unit_of_work
        self._size = size
        self._payment, self._business, self._link, self._anchor = "", "", ("", 0), ("", 0)

    async def payments(self) -> Slice:
        """Payments with all that hangs on them."""
        async with self._unit_of_work.read() as tx:
            ids = await rows.payments_after(tx, self._payment, self._size)
            breaches = await of_payments(tx, ids)
        last = len(ids) < self._size
        self._payment = "" if last else ids[-1]
        return Slice(len(ids), breaches, last)

    async def links(self) -> Slice:
        """Entry sets, in their chains."""
        async with self._unit_of_work.read() as tx:
            links = await chain_rows.links_after(tx, *self._link, self._size)
            breaches = await of_links(tx, links)
        last = len(links) < self._size
        self._link = ("", 0) if last else (links[-1].business_id, links[-1].position)
        return Slice(len(links), breaches, last)

    async def businesses(self) -> Slice:
        """Businesses: where their chains end, and what their balances are."""
        async with self._unit_of_work.read() as tx:
            found = await chain_rows.heads_after(tx, self._business, BUSINESSES_AT_ONCE)
            chosen = found[: _within(found)]
            last = len(chosen) == len(found) < BUSINESSES_AT_ONCE
            self._business = "" if last else chosen[-1][0].business_id  # moves on even where a question fails
            breaches = [breach for head, end in chosen for breach in broken_end(head, end)]
            breaches += await rows.of_businesses(tx, [head.business_id for head, _ in chosen])
        return Slice(len(chosen), breaches, last)

    async def anchors(self) -> Slice:
        """What was anchored, whether or not a business has anything left."""
        async with self._unit_of_work.read() as tx:
            anchored = await chain_rows.anchors_after(tx, *self._anchor, self._size)
            breaches = await of_anchors(tx, anchored)
        last = len(anchored) < self._size
        self._anchor = ("", 0) if last else (anchored[-1].business_id, anchored[-1].position)
        return Slice(len(anchored), breaches, last)


def _within(found: Sequence[tuple[Head, Head]]) -> int:
    """How many of the businesses have few enough sets to be summed at once."""
    total = 0
    for count, (head, _) in enumerate(found):
        total += head.position
        if count and total > SETS_AT_ONCE:
            return count
    return len(found)


async def of_payments(tx: Transaction, ids: Sequence[str]) -> list[Breach]:
    """Of these payments."""
    moment = now()
    return await rows.of_payments(tx, ids, moment - ALLOCATED_WITHIN, moment - HEARD_WITHIN)


async def of_links(tx: Transaction, links: Sequence[Link]) -> list[Breach]:
    """Of these links, which stand in the order of their chains."""
    entries = await chain_rows.entries_of(tx, [link.entry_set_id for link in links])
    breaches = await rows.of_sets(tx, list(entries))
    for business_id, stretch in groupby(links, key=lambda link: link.business_id):
        found = list(stretch)
        before = await chain_rows.head_before(tx, business_id, found[0].position)
        breaches += broken_links(before, found, entries, business_id)
    return breaches


async def of_anchors(tx: Transaction, anchored: Sequence[Head]) -> list[Breach]:
    """Of these anchors, ours or those that lay elsewhere."""
    there = await chain_rows.hashes_at(tx, anchored)
    ends = await chain_rows.ends_of(tx, list({anchor.business_id for anchor in anchored}))
    return [
        breach
        for anchor in anchored
        for breach in against_anchor(
            anchor, there.get((anchor.business_id, anchor.position)), ends.get(anchor.business_id, 0)
        )
    ]
