"""Paying by bank transfer: into the merchant's own account, or into one that takes just what is due for a while.

The latter as checkouts do it: intent committed with our reference, the provider asked, the result recorded. Whoever
dies in between leaves an attempt that reconciliation asks the provider about.
"""

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
from whatsinvoice_payments.domain.payment import Payable, Payment, Status
from whatsinvoice_payments.domain.schedule import next_check
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import payouts as payout_rows
from whatsinvoice_payments.repository import virtual_accounts as rows
from whatsinvoice_payments.service.answers import away, not_taken
from whatsinvoice_payments.service.payouts import active_subaccount
from whatsinvoice_payments.service.settlement import fail

log = structlog.get_logger(__name__)

CHANNEL = "bank_transfer"
TAKES_FOR = timedelta(hours=1)
"""Between the 15 minutes and the 8 hours to which Paystack clamps it."""
LEFT_AT_LEAST = timedelta(minutes=10)
"""An account with less time than this is not handed out again: a transfer takes its time."""


@dataclass(frozen=True, slots=True)
class TransferDetails:
    """How to pay from one's own bank; `account` is None while the merchant names none."""

    account: BankAccount | None
    reference: str
    pay_with_transfer: bool


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

    async def get_transfer_details(self, token: str) -> TransferDetails:
        """For whoever holds the link; asks nothing of the provider. Raises NOT_FOUND (LINK_NOT_FOUND)."""
        payable = await self._invoices.payable(token)
        async with self._unit_of_work.read() as tx:
            active = (await payout_rows.payout(tx, payable.business_id)).active
        account = active.account if active and active.currency == payable.currency else None
        offered = payable.due_minor > 0 and payable.currency in TRANSFER_CURRENCIES
        return TransferDetails(account, payable.invoice_number, offered)

    async def start_transfer(self, token: str) -> Transfer:
        """An account for all that is due; one that still takes it is handed out again.

        Raises:
            ServiceError: NOT_FOUND (LINK_NOT_FOUND), FAILED_PRECONDITION (INVOICE_NOT_PAYABLE), UNAVAILABLE
                (PROVIDER_UNAVAILABLE).
        """
        payable = await self._invoices.payable(token)
        if payable.due_minor <= 0 or payable.currency not in TRANSFER_CURRENCIES:
            raise precondition("INVOICE_NOT_PAYABLE", "nothing can be transferred for this invoice now")
        with telemetry.span("open transfer", link=payable.traceparent):
            async with self._unit_of_work.begin() as tx:
                turn = await self._take_turn(tx, payable)
            return turn if isinstance(turn, Transfer) else await self._open(turn, payable)

    async def _take_turn(self, tx: Transaction, payable: Payable) -> Transfer | Payment:
        """What can be handed out again, or a fresh attempt."""
        await payment_rows.lock_invoice(tx, payable.invoice_id)
        latest = await payment_rows.latest_attempt(tx, payable.business_id, payable.invoice_id)
        moment = now()
        if latest and latest.ahead_of_invoices(payable, moment):
            raise precondition("INVOICE_NOT_PAYABLE", "a payment of this amount has just arrived")
        known = await rows.open_transfer(tx, payable, moment + LEFT_AT_LEAST)
        if known is not None:
            account, reference = known
            return _transfer(payable, account.account, account.expires_at, reference)
        number = latest.number + 1 if latest else 1
        attempt = Payment.attempt(payable, number, moment, next_check(moment, moment, self._scale))
        attempt.channel = CHANNEL
        await payment_rows.add_payment(tx, attempt)
        return attempt

    async def _open(self, attempt: Payment, payable: Payable) -> Transfer:
        async with self._unit_of_work.read() as tx:
            subaccount = await active_subaccount(tx, attempt.business_id, attempt.currency)
        email = payable.email_for_provider(self._email_domain)
        try:
            account, expires_at = await self._banking.charge_by_transfer(
                attempt, email=email, expires_at=attempt.created_at + TAKES_FOR, subaccount=subaccount
            )
        except (ProviderRefusal, ReferenceTaken) as refusal:
            await self._refused(attempt.reference, str(refusal))
            raise not_taken() from refusal
        except ProviderError as error:
            log.warning("the provider is away", reference=attempt.reference, error=str(error))
            raise away(error.retry_after) from error
        async with self._unit_of_work.begin() as tx:
            await self._record(tx, attempt.reference, account, expires_at)
        return _transfer(payable, account, expires_at, attempt.reference)

    async def _record(self, tx: Transaction, reference: str, account: BankAccount, expires_at: datetime) -> None:
        """The account, unless somebody has moved the attempt on meanwhile: then it is over already."""
        attempt = await payment_rows.payment_by_reference(tx, reference, lock=True)
        if attempt is None or attempt.status is not Status.INITIALIZED:
            return
        attempt.offer("", "")
        await payment_rows.save_payment(tx, attempt)
        await rows.add_transfer_account(tx, TransferAccount(attempt.id, attempt.business_id, account, expires_at))

    async def _refused(self, reference: str, words: str) -> None:
        log.warning("the provider refused a transfer", reference=reference, words=words)
        async with self._unit_of_work.begin() as tx:
            attempt = await payment_rows.payment_by_reference(tx, reference, lock=True)
            if attempt and attempt.status is Status.INITIALIZED:
                attempt.next_check_at = None
                await fail(tx, attempt, words)


def _transfer(payable: Payable, account: BankAccount, expires_at: datetime, reference: str) -> Transfer:
    return Transfer(account, payable.due_minor, payable.currency, expires_at, reference)
