"""Webhooks of the provider: taken in only when genuine, stored once, and worked off until each has its outcome."""

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import Counter
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError, unauthenticated
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Provider, ProviderError
from whatsinvoice_payments.domain.charge import Claim
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.domain.schedule import retry_after
from whatsinvoice_payments.domain.webhook import (
    CHARGE_SUCCESS,
    Deposit,
    Received,
    StoredEvent,
    claim_of,
    deposit_of,
    is_genuine,
    read_webhook,
)
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import webhooks as webhook_rows
from whatsinvoice_payments.service.settlement import Result, Settled, quarantined, settle
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService

log = structlog.get_logger(__name__)

WEBHOOKS = Counter("payments_webhooks_total", "Webhooks by what came of them", ["outcome"])
for _outcome in ("refused", "malformed", "accepted", "duplicate", "postponed"):
    WEBHOOKS.labels(_outcome)
LEASE = timedelta(seconds=60)
AT_ONCE = 5
DOUBTED_TRIES = 20
"""So many times, over most of a day, the provider may deny what it has signed before a person must look."""


class WebhookService:
    """From the raw body to its effect."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        provider: Provider,
        deposits: VirtualAccountService,
        secret: str,
        first_retry_seconds: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._deposits = deposits
        self._secret = secret
        self._first_retry_seconds = first_retry_seconds

    def read(self, body: bytes, signature: str) -> Received:
        """Raises UNAUTHENTICATED (SIGNATURE_INVALID), INVALID_ARGUMENT (BODY_MALFORMED)."""
        if not is_genuine(self._secret, body, signature):
            WEBHOOKS.labels("refused").inc()
            raise unauthenticated("SIGNATURE_INVALID", "the signature does not match the body")
        try:
            return read_webhook(body)
        except ServiceError:
            WEBHOOKS.labels("malformed").inc()
            raise

    async def store(self, tx: Transaction, received: Received) -> None:
        """Keeps a webhook for the worker; the same one again changes nothing."""
        fresh = await webhook_rows.add_event(tx, received)
        WEBHOOKS.labels("accepted" if fresh else "duplicate").inc()

    async def work(self) -> int:
        """Gives waiting webhooks their effect, a few at a time; how many were taken."""
        async with self._unit_of_work.begin() as tx:
            claimed = await webhook_rows.claim_events(tx, now(), LEASE, AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for event in claimed:
                tasks.create_task(self._process(event))
        return len(claimed)

    async def _process(self, event: StoredEvent) -> None:
        try:
            with telemetry.taken("payments.webhookevent", event.id, event.traceparent):
                await self._handle(event)
        except ProviderError as error:
            await self._postpone(event, str(error), error.retry_after)
        except Exception as error:  # one event must not hold up the others; it comes again
            log.exception("webhook failed", webhook=event.id)
            await self._postpone(event, type(error).__name__)

    async def _handle(self, event: StoredEvent) -> None:
        if event.event != CHARGE_SUCCESS:
            await self._finish(event, "ignored", "")
            return
        claim = claim_of(event.body)
        known = await self._known(claim, deposit_of(event.body))
        if known is None:
            unknown = quarantined("webhook", claim.reference, "no payment of ours has this reference")
            await self._finish(event, unknown.result.value, unknown.reason)
            return
        with telemetry.span("settle payment", within=known.traceparent or None):
            await self._settle(event, claim)

    async def _known(self, claim: Claim, deposit: Deposit | None) -> Payment | None:
        """The payment that is spoken of; one is made for what came into a customer's own account."""
        if deposit is not None and claim.amount_minor:
            await self._deposits.adopt_transfer(
                claim.reference,
                claim.amount_minor,
                claim.currency,
                account_number=deposit.account_number,
                customer_code=deposit.customer_code,
            )
        async with self._unit_of_work.begin() as tx:
            return await payment_rows.payment_by_reference(tx, claim.reference)

    async def _settle(self, event: StoredEvent, claim: Claim) -> None:
        charge = await self._provider.verify(claim.reference)
        settled = Settled(Result.NOT_YET, "the provider does not know the reference")
        if charge is not None:
            async with self._unit_of_work.begin() as tx:
                settled = await settle(tx, claim.reference, charge, claim)
                if settled.result is not Result.NOT_YET:
                    await webhook_rows.finish_event(tx, event.id, settled.result.value, settled.reason)
        if settled.result is Result.NOT_YET:
            await self._doubt(event, claim.reference, settled.reason)
        else:
            WEBHOOKS.labels(settled.result.value).inc()

    async def _doubt(self, event: StoredEvent, reference: str, reason: str) -> None:
        """A signed success that the provider, asked, does not confirm: later, and in the end a person's matter."""
        if event.attempts < DOUBTED_TRIES:
            await self._postpone(event, f"not confirmed: {reason}")
            return
        doubted = quarantined("webhook", reference, f"never confirmed: {reason}")
        await self._finish(event, doubted.result.value, doubted.reason)

    async def _finish(self, event: StoredEvent, outcome: str, reason: str) -> None:
        async with self._unit_of_work.begin() as tx:
            await webhook_rows.finish_event(tx, event.id, outcome, reason)
        WEBHOOKS.labels(outcome).inc()

    async def _postpone(self, event: StoredEvent, error: str, at_least: float = 0) -> None:
        wait = max(retry_after(event.attempts, self._first_retry_seconds), timedelta(seconds=at_least))
        async with self._unit_of_work.begin() as tx:
            await webhook_rows.postpone_event(tx, event.id, now() + wait, error)
        WEBHOOKS.labels("postponed").inc()
