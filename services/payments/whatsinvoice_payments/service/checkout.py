"""Starting a checkout: intent committed with our reference, the provider asked, the result recorded.

Whoever dies in between leaves an attempt that the next one asks the provider about before anything else.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Invoices, Provider, ProviderError, ProviderRefusal, ReferenceTaken
from whatsinvoice_payments.domain.payment import CHECKOUT, OPENING, Payable, Payment, Status
from whatsinvoice_payments.domain.schedule import next_check
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.service.answers import away, not_taken
from whatsinvoice_payments.service.intents import begin, due_online, require_online, supersede
from whatsinvoice_payments.service.settlement import fail, settle

log = structlog.get_logger(__name__)

WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do with an invoice's attempt: hand it out, wait for whoever opens it, or open it.

    `fresh`: nobody can have told the provider of it yet.
    """

    attempt: Payment
    ready: bool = False
    ours: bool = False
    fresh: bool = False


class CheckoutService:
    """Gives each payer of an invoice the way to one checkout."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        provider: Provider,
        invoices: Invoices,
        *,
        email_domain: str,
        reconcile_scale: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._invoices = invoices
        self._email_domain = email_domain
        self._scale = reconcile_scale

    async def start_checkout(self, token: str) -> Payment:
        """An attempt that can be paid now.

        Raises:
            ServiceError: NOT_FOUND (LINK_NOT_FOUND), FAILED_PRECONDITION (INVOICE_NOT_PAYABLE), UNAVAILABLE
                (PROVIDER_UNAVAILABLE).
        """
        payable = await self._invoices.payable(token)
        require_online(payable)
        with telemetry.span("open checkout", link=payable.traceparent):
            return await self._opened(payable)

    async def _opened(self, payable: Payable) -> Payment:
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            async with self._unit_of_work.begin() as tx:
                turn = await self._take_turn(tx, payable)
            if turn.ready:
                return turn.attempt
            if turn.ours:
                opened = await self._open(turn, payable)
                if opened is not None:
                    return opened
            else:
                await asyncio.sleep(LOOK_SECONDS)
        raise away()

    async def _take_turn(self, tx: Transaction, payable: Payable) -> Turn:
        await payment_rows.lock_invoice(tx, payable.invoice_id)
        moment, payable = now(), await due_online(tx, payable)
        latest = await payment_rows.latest_attempt(tx, payable.business_id, payable.invoice_id, CHECKOUT)
        if latest is None:
            return await self._begin(tx, payable, moment)
        if latest.refused_lately(payable, moment):
            raise not_taken()
        if latest.payable_again(payable, moment):
            return Turn(latest, ready=True)
        if not latest.may_be_opened(payable, moment):
            await supersede(tx, latest)
            return await self._begin(tx, payable, moment)
        if latest.opening_until > moment:
            return Turn(latest)
        latest.opening_until = moment + OPENING
        await payment_rows.save_payment(tx, latest)
        return Turn(latest, ours=True)

    async def _begin(self, tx: Transaction, payable: Payable, moment: datetime) -> Turn:
        attempt = await begin(tx, payable, CHECKOUT, next_check(moment, moment, self._scale))
        return Turn(attempt, ours=True, fresh=True)

    async def _open(self, turn: Turn, payable: Payable) -> Payment | None:
        """The opened attempt; None when this one is over and the next is to be tried."""
        attempt = turn.attempt
        try:
            if not turn.fresh and await self._known_to_provider(attempt.reference):
                return None
            url, access_code = await self._provider.initialize(
                reference=attempt.reference,
                amount_minor=attempt.asked_minor,
                currency=attempt.currency,
                email=payable.email_for_provider(self._email_domain),
                callback_url=payable.public_url,
                invoice_id=payable.invoice_id,
                subaccount=attempt.split_subaccount,
            )
        except ReferenceTaken:
            await self._give_up(attempt.reference)
            return None
        except ProviderRefusal as refusal:
            await self._refused(attempt.reference, str(refusal))
            raise not_taken() from refusal
        except ProviderError as error:
            await self._let_go(attempt.reference)
            log.warning("the provider is away", reference=attempt.reference, error=str(error))
            raise away(error.retry_after) from error
        return await self._record(attempt.reference, url, access_code)

    async def _known_to_provider(self, reference: str) -> bool:
        """Whether the provider has the reference already; then its state is settled and its lost checkout given up."""
        charge = await self._provider.verify(reference)
        if charge is None:
            return False
        async with self._unit_of_work.begin() as tx:
            await settle(tx, reference, charge)
        await self._give_up(reference)
        return True

    async def _record(self, reference: str, url: str, access_code: str) -> Payment | None:
        async with self._unit_of_work.begin() as tx:
            attempt = await self._still_opening(tx, reference)
            if attempt is not None:
                attempt.offer(url, access_code)
                await payment_rows.save_payment(tx, attempt)
        return attempt

    async def _give_up(self, reference: str) -> None:
        async with self._unit_of_work.begin() as tx:
            if attempt := await self._still_opening(tx, reference):
                attempt.lose()
                await payment_rows.save_payment(tx, attempt)

    async def _refused(self, reference: str, words: str) -> None:
        log.warning("the provider refused a checkout", reference=reference, words=words)
        async with self._unit_of_work.begin() as tx:
            if attempt := await self._still_opening(tx, reference):
                attempt.next_check_at = None
                await fail(tx, attempt, words)

    async def _let_go(self, reference: str) -> None:
        """The next caller need not wait for us."""
        async with self._unit_of_work.begin() as tx:
            if attempt := await self._still_opening(tx, reference):
                attempt.opening_until = now()
                await payment_rows.save_payment(tx, attempt)

    @staticmethod
    async def _still_opening(tx: Transaction, reference: str) -> Payment | None:
        """The attempt, locked, unless somebody else has moved it on meanwhile."""
        attempt = await payment_rows.payment_by_reference(tx, reference, lock=True)
        return attempt if attempt and attempt.status is Status.INITIALIZED else None
