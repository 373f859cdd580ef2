"""Refunds made at the provider and disputes whose webhooks never came: its own lists are walked for them."""

from datetime import timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.clients.paystack_refunds import PaystackRefunds
from whatsinvoice_payments.repository import disputes as dispute_rows
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import refunds as refund_rows
from whatsinvoice_payments.service.money_back import MoneyBack

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
LOOKS_BACK = timedelta(days=4)
"""A day more than the provider goes on telling of what nobody acknowledged."""


class MoneyBackWalk:
    """Brings in line the payments of which the provider knows something that we do not."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        refunds: PaystackRefunds,
        disputes: PaystackDisputes,
        money_back: MoneyBack,
        scale: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._refunds = refunds
        self._disputes = disputes
        self._money_back = money_back
        self.every_seconds = (EVERY * scale).total_seconds()

    async def work(self) -> int:
        """Walks once; always 0, since there is nothing more to find at once."""
        moment = now() - LOOKS_BACK
        try:
            refunds, disputes = await self._refunds.since(moment), await self._disputes.since(moment)
            for reference in await self._unknown(refunds, disputes):
                await self._money_back.bring_in_line(reference)
        except ProviderError as error:
            log.warning("the provider's refunds and disputes could not be walked", error=str(error))
        return 0

    async def _unknown(self, refunds: dict[str, str], disputes: dict[str, str]) -> list[str]:
        """References of payments of ours that one of these is about without our knowing it."""
        async with self._unit_of_work.read() as tx:
            known = await refund_rows.known_provider_ids(tx, refunds)
            references = {reference for provider_id, reference in refunds.items() if provider_id not in known}
            known = await dispute_rows.known_provider_ids(tx, disputes)
            references |= {reference for provider_id, reference in disputes.items() if provider_id not in known}
            return [found for found in sorted(references) if await payment_rows.payment_by_reference(tx, found)]
