"""The work on the ledger's chain that no transaction does by itself: linking what is older than it, and anchors."""

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.domain.chain import digest_of
from whatsinvoice_payments.repository import chain as chain_rows

log = structlog.get_logger(__name__)

AT_ONCE = 300
"""Entries in a transaction; the head of their business is locked meanwhile."""
ANCHORS_AT_ONCE = 1_000


class ChainService:
    """`link` and `anchor` are steps of jobs, of which one runs at a time."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._place = ("", "")

    async def link(self) -> int:
        """Links a few sets from before the chain; 0 when there are none left."""
        async with self._unit_of_work.begin() as tx:
            business_id = await chain_rows.business_to_link(tx)
            if business_id is None:
                return 0
            after = self._place[1] if self._place[0] == business_id else ""
            last = await chain_rows.link_sets(tx, business_id, after, AT_ONCE)
            if not last:
                await chain_rows.mark_whole(tx, business_id)
        self._place = (business_id, last)
        return 1

    async def anchor(self) -> int:
        """Keeps every head that has moved, and tells the log a digest of all of them: the log leaves the machine."""
        async with self._unit_of_work.begin() as tx:
            heads = await chain_rows.heads(tx)
            moment = now()
            kept = 0
            for start in range(0, len(heads), ANCHORS_AT_ONCE):
                kept += await chain_rows.add_anchors(tx, heads[start : start + ANCHORS_AT_ONCE], moment)
        log.info("ledger anchored", digest=digest_of(heads), businesses=len(heads), moved=kept)
        return 0
