"""How much money is on its way back, as numbers for whoever watches."""

import math

from prometheus_client import Gauge
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.domain.refund import UNFINISHED
from whatsinvoice_payments.repository import disputes as dispute_rows
from whatsinvoice_payments.repository import refunds as refund_rows

REFUNDS = Gauge("payments_refunds_open", "Refunds that have not ended, by status", ["status"])
OLDEST = Gauge("payments_refund_oldest_seconds", "How long ago the oldest refund that has not ended was wanted")
DISPUTES = Gauge("payments_disputes_open", "Disputes that are not resolved")
DUE = Gauge("payments_dispute_due_seconds", "Until the first dispute must be answered by the merchant; +Inf: none")
for _status in UNFINISHED:
    REFUNDS.labels(_status.value)
DUE.set(math.inf)


class MoneyBackGauges:
    """Counts rows."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work

    async def work(self) -> int:
        """Sets the gauges; always 0, there is nothing left to do."""
        async with self._unit_of_work.read() as tx:
            counts, oldest = await refund_rows.count_unfinished(tx)
            disputes, due = await dispute_rows.count_unresolved(tx)
        moment = now()
        for status in UNFINISHED:
            REFUNDS.labels(status.value).set(counts.get(status, 0))
        OLDEST.set((moment - oldest).total_seconds() if oldest else 0)
        DISPUTES.set(disputes)
        DUE.set((due - moment).total_seconds() if due else math.inf)
        return 0
