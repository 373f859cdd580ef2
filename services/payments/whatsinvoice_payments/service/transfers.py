"""Paying by bank transfer: into the merchant's own account, or into one that takes just what is due for a while.

The latter as checkouts do it: intent committed with our reference, the provider asked, the result recorded. Whoever
dies in between leaves an attempt that reconciliation asks the provider about.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import precondition
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Invoices, ProviderError, ProviderRefusal, ReferenceTaken
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.domain.bank_account import TRANSFER_CURRENCIES, BankAccount, TransferAccount
from whatsinvoice_payments.domain.payment import OPENING, TRANSFER, Payable, Payment, Status
from whatsinvoice_payments.domain.schedule import next_check
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import virtual_accounts as rows
from whatsinvoice_payments.service.answers import away, not_taken
from whatsinvoice_payments.service.intents import begin, due_online, require_online, supersede
from whatsinvoice_payments.service.settlement import fail

log = structlog.get_logger(__name__)

WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.1
TAKES_FOR = timedelta(hours=1)
"""Between the 15 minutes and the 8 hours to which Paystack clamps it."""
LEFT_AT_LEAST = timedelta(minutes=10)
"""An account with less time than this is not handed out again: a transfer takes its time."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """An account that takes `amount_minor` until it expires."""

    account: BankAccount
    amount_minor: int
    currency: str
    expires_at: datetime
    reference: str


class TransferService:
    """Gives each payer of an invoice the account to send to."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        banking: PaystackBanking,
        invoices: Invoices,
        *,
        email_domain: str,
        reconcile_scale: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._banking = banking
        self._invoices = invoices
        self._email_domain = email_domain
        self._scale = reconcile_scale

    async def start_transfer(self, token: str) -> Transfer:
        """Return an account for all that is due; one that still takes it is handed out again.

        Raises:
            ServiceError: NOT_FOUND (LINK_NOT_FOUND), FAILED_PRECONDITION (INVOICE_NOT_PAYABLE, AMOUNT_BELOW_MINIMUM,
                PAYMENT_UNDER_REVIEW), UNAVAILABLE (PROVIDER_UNAVAILABLE).
        """
        payable = await self._invoices.payable(token)
        require_online(payable)
        if payable.currency not in TRANSFER_CURRENCIES:
            raise precondition("INVOICE_NOT_PAYABLE", "nothing can be transferred for this invoice now")
        with telemetry.span("open transfer", link=payable.traceparent):
            return await self._opened(payable)

    async def _opened(self, payable: Payable) -> Transfer:
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            async with self._unit_of_work.begin() as tx:
                turn = await self._take_turn(tx, payable)
            if isinstance(turn, Transfer):
                return turn
            opened = await self._open(turn, payable) if turn is not None else None
            if opened is not None:
                return opened
            await asyncio.sleep(LOOK_SECONDS)
        raise away()

    async def _take_turn(self, tx: Transaction, payable: Payable) -> Transfer | Payment | None:
        """Return what can be handed out again, or the attempt to open; None while another caller opens it."""
        await payment_rows.lock_invoice(tx, payable.invoice_id)
        moment, payable = now(), await due_online(tx, payable)
        latest = await payment_rows.latest_attempt(tx, payable.business_id, payable.invoice_id, TRANSFER)
        known = await rows.open_transfer(tx, payable, moment + LEFT_AT_LEAST)
        if known is not None:
            account, reference = known
            return _transfer(payable, account.account, account.expires_at, reference)
        if latest is not None and latest.refused_lately(payable, moment):
            raise not_taken()
        if latest is None or not latest.may_be_opened(payable, moment):
            if latest is not None:
                await supersede(tx, latest)
            return await begin(tx, payable, TRANSFER, next_check(moment, moment, self._scale))
        if latest.opening_until > moment:
            return None
        latest.opening_until = moment + OPENING
        await payment_rows.save_payment(tx, latest)
        return latest

    async def _open(self, attempt: Payment, payable: Payable) -> Transfer | None:
        """Open the attempt; None where the provider knows its reference already, and so another is to be tried."""
        email = payable.email_for_provider(self._email_domain)
        try:
            account, expires_at = await self._banking.charge_by_transfer(
                attempt, email=email, expires_at=now() + TAKES_FOR
            )
        except ReferenceTaken:
            await self._end(attempt.reference, "")
            return None
        except ProviderRefusal as refusal:
            await self._end(attempt.reference, str(refusal))
            raise not_taken() from refusal
        except ProviderError as error:
            await self._let_go(attempt.reference)
            log.warning("transfer not opened: provider away", reference=attempt.reference, error=str(error))
            raise away(error.retry_after) from error
        async with self._unit_of_work.begin() as tx:
            await self._record(tx, attempt.reference, account, expires_at)
        return Transfer(account, attempt.asked_minor, attempt.currency, expires_at, attempt.reference)

    async def _record(self, tx: Transaction, reference: str, account: BankAccount, expires_at: datetime) -> None:
        """Record the account, unless the attempt has ended meanwhile."""
        attempt = await self._still_opening(tx, reference)
        if attempt is None:
            return
        attempt.offer("", "")
        await payment_rows.save_payment(tx, attempt)
        await rows.add_transfer_account(tx, TransferAccount(attempt.id, attempt.business_id, account, expires_at))

    async def _end(self, reference: str, refusal: str) -> None:
        """End an attempt that the provider refused, or whose account was lost on the way to us."""
        log.warning("transfer not opened", reference=reference, cause=refusal or "the provider knows the reference")
        async with self._unit_of_work.begin() as tx:
            attempt = await self._still_opening(tx, reference)
            if attempt is None:
                return
            if refusal:
                attempt.next_check_at = None
                await fail(tx, attempt, refusal)
            else:
                attempt.lose()
                await payment_rows.save_payment(tx, attempt)

    async def _let_go(self, reference: str) -> None:
        """Let the next caller try the same attempt at once."""
        async with self._unit_of_work.begin() as tx:
            if attempt := await self._still_opening(tx, reference):
                attempt.opening_until = now()
                await payment_rows.save_payment(tx, attempt)

    @staticmethod
    async def _still_opening(tx: Transaction, reference: str) -> Payment | None:
        """Return the attempt, locked, unless it has moved on meanwhile."""
        attempt = await payment_rows.payment_by_reference(tx, reference, lock=True)
        return attempt if attempt and attempt.status is Status.INITIALIZED else None


def _transfer(payable: Payable, account: BankAccount, expires_at: datetime, reference: str) -> Transfer:
    return Transfer(account, payable.due_minor, payable.currency, expires_at, reference)
