"""Anchors of the ledger's chains: the one thing about them that no transaction does by itself."""

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.domain.chain import Head, digest_of
from whatsinvoice_payments.repository import chain as chain_rows

log = structlog.get_logger(__name__)

ANCHORS_AT_ONCE = 1_000


class ChainService:
    """`anchor` is the step of a job, of which one runs at a time."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    async def anchor(self) -> int:
        """Keep the heads that have moved since the last time. Log a digest of them: the log leaves the machine."""
        moment, after = now(), ""
        moved: list[Head] = []
        while True:
            async with self._unit_of_work.begin() as tx:
                heads = await chain_rows.heads_that_moved(tx, after, ANCHORS_AT_ONCE)
                await chain_rows.add_anchors(tx, heads, moment)
            moved += heads
            if len(heads) < ANCHORS_AT_ONCE:
                break
            after = heads[-1].business_id
        log.info("ledger anchored", digest=digest_of(moved), moved=len(moved))
        return 0
