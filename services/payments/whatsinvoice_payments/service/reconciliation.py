"""Reconciliation: Paystack tells of successes only, and not always, so it is asked about every attempt not yet over."""

import asyncio
from datetime import timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Provider, ProviderError
from whatsinvoice_payments.domain.charge import ChargeStatus
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.schedule import next_check
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.service.settlement import settle

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
AT_ONCE = 5
ASK_AGAIN = timedelta(minutes=5)


class ReconciliationService:
    """Asks about attempts on their schedule, and settles them as a webhook would."""

    def __init__(self, unit_of_work: UnitOfWork, provider: Provider, money_back: MoneyBack, scale: float) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._money_back = money_back
        self._scale = scale

    async def work(self) -> int:
        """Checks attempts that are due, a few at a time; how many were taken."""
        async with self._unit_of_work.begin() as tx:
            claimed = await payment_rows.claim_due_payments(tx, now(), LEASE, AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for payment in claimed:
                tasks.create_task(self._check(payment))
        return len(claimed)

    async def _check(self, payment: Payment) -> None:
        try:
            with telemetry.span("reconcile payment", within=payment.traceparent):
                await self._ask(payment)
        except ProviderError as error:
            log.warning("reconciliation could not ask", reference=payment.reference, error=str(error))
            wait = max(ASK_AGAIN * self._scale, timedelta(seconds=error.retry_after))
            async with self._unit_of_work.begin() as tx:
                await payment_rows.set_next_check(tx, payment.reference, now() + wait)
        except Exception:  # one attempt must not hold up the others; it comes again after its lease
            log.exception("reconciliation failed", reference=payment.reference)

    async def _ask(self, payment: Payment) -> None:
        charge = await self._provider.verify(payment.reference)
        if charge is not None and charge.status is ChargeStatus.REVERSED:
            await self._money_back.bring_in_line(payment.reference)
        async with self._unit_of_work.begin() as tx:
            if charge is not None:
                await settle(tx, payment.reference, charge)
            await self._plan(tx, payment.reference)

    async def _plan(self, tx: Transaction, reference: str) -> None:
        """The next check of what is not over; after the last one an attempt that nobody paid is abandoned."""
        payment = await payment_rows.payment_by_reference(tx, reference, lock=True)
        if payment is None or payment.next_check_at is None:
            return
        following = next_check(payment.created_at, now(), self._scale)
        if following is None and payment.open:
            payment.end_as(Status.ABANDONED, "not paid in time")
            await payment_rows.save_payment(tx, payment)
        else:
            await payment_rows.set_next_check(tx, reference, following)
