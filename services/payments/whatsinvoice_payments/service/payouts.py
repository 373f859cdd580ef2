"""The payout account: resolved with its bank and announced to all members at once.

A change of it is held for a day, and so is the first one once money has come.
"""

from datetime import datetime, timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid, not_found
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.queue.worker import Queue, RetryLater, Taken

from whatsinvoice_payments import events
from whatsinvoice_payments.clients import ProviderError, ProviderRefusal
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.domain.bank_account import BankAccount, Business
from whatsinvoice_payments.domain.payout import Payout, PayoutAccount, PayoutStatus
from whatsinvoice_payments.repository import payments
from whatsinvoice_payments.repository import payouts as rows
from whatsinvoice_payments.service.answers import away
from whatsinvoice_payments.service.banks import BanksService

log = structlog.get_logger(__name__)


class PayoutService:
    """`hold` is how long a change waits, `retry_seconds` how long after a failure the provider is asked again."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        banking: PaystackBanking,
        banks: BanksService,
        hold: timedelta,
        retry_seconds: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._banking = banking
        self._banks = banks
        self._hold = hold
        self._retry_seconds = retry_seconds

    async def set_payout_account(self, business_id: str, bank_code: str, account_number: str) -> Payout:
        """Names another account; the one that is active already, named again, withdraws a change that still waits.

        Raises:
            ServiceError: INVALID_ARGUMENT (BANK_UNKNOWN, ACCOUNT_UNKNOWN), ABORTED (PAYOUT_ACCOUNT_CHANGING) in the
                moment of a change, UNAVAILABLE (PROVIDER_UNAVAILABLE, BUSINESS_NOT_READY).
        """
        async with self._unit_of_work.read() as tx:
            business = await get_business(tx, business_id)
        account = await self._resolved(business.currency, bank_code, account_number)
        async with self._unit_of_work.begin() as tx:
            wanted = await self._want(tx, business, account)
        if wanted is not None and wanted.active_from <= now():
            await self._activate_first(wanted)
        async with self._unit_of_work.read() as tx:
            return await rows.payout(tx, business_id)

    async def _resolved(self, currency: str, bank_code: str, account_number: str) -> BankAccount:
        bank = await self._banks.get_bank(currency, bank_code)
        try:
            holder = await self._banking.resolve(bank_code, account_number)
        except ProviderError as error:
            raise away(error.retry_after) from error
        if holder is None:
            raise _unknown_account()
        return BankAccount(bank.code, bank.name, account_number, holder)

    async def _want(self, tx: Transaction, business: Business, account: BankAccount) -> PayoutAccount | None:
        """The new row; None when nothing new is wanted. All members hear of what is."""
        await rows.lock_payout(tx, business.id)
        current, moment = await rows.payout(tx, business.id), now()
        if current.coming is not None:
            if current.coming.is_for(account):
                return current.coming
            if current.active and current.coming.status is PayoutStatus.ACTIVATING:
                message = "the account is being changed in this moment"
                raise ServiceError(Kind.ABORTED, "PAYOUT_ACCOUNT_CHANGING", message, retry_after=5)
            current.coming.end_as(PayoutStatus.WITHDRAWN, moment)
            await rows.save_payout_account(tx, current.coming)
        if current.active and current.active.is_for(account):
            if current.coming:
                await self._announce(tx, current.active, moment)
            return None
        waits = current.active is not None or await payments.has_money(tx, business.id)
        active_from = moment + self._hold if waits else moment
        wanted = PayoutAccount.wanted(business.id, account, business.currency, moment, active_from)
        # The first account is made active by its request; the queue does it only where that failed.
        await rows.add_payout_account(tx, wanted, self._hold if waits else timedelta(seconds=self._retry_seconds))
        await self._announce(tx, wanted, moment)
        return wanted

    async def _announce(self, tx: Transaction, payout: PayoutAccount, moment: datetime) -> None:
        version = await rows.count_changes(tx, payout.business_id)
        tx.publish(events.payout_account_changed(payout, version, max(payout.active_from, moment)))

    async def _activate_first(self, wanted: PayoutAccount) -> None:
        """Make the first account active at once; when the provider is away, the queue does it later."""
        try:
            await self._activate(wanted)
        except ProviderRefusal as refusal:
            raise _unknown_account() from refusal
        except ProviderError as error:
            log.warning("a payout account waits for the provider", payout=wanted.id, error=str(error))

    def queue(self, concurrency: int) -> Queue:
        """Return the queue that makes accounts active when their time has come. A broken one delays no other."""
        wait = self._retry_seconds
        return Queue(rows.ACTIVATION, self._make_active, self._give_up, concurrency, first_retry_seconds=wait)

    async def _make_active(self, taken: Taken) -> None:
        async with self._unit_of_work.read() as tx:
            wanted = await rows.payout_account(tx, taken.key)
        try:
            if wanted is not None:
                await self._activate(wanted)
        except ProviderRefusal as refusal:
            log.error("payout account refused by the provider", payout=taken.key, words=str(refusal))  # noqa: TRY400  (its answer, no failure of ours)
        except ProviderError as error:
            raise RetryLater(max(self._retry_seconds, error.retry_after), str(error)) from error

    async def _give_up(self, tx: Transaction, taken: Taken, error: str) -> None:
        """Withdraw an account whose activation failed at every try; the merchant names it again."""
        wanted = await rows.payout_account(tx, taken.key)
        current = await _still_coming(tx, wanted) if wanted else None
        if current is not None:
            log.error("payout account withdrawn", payout=taken.key, error=error)
            current[1].end_as(PayoutStatus.WITHDRAWN, now())
            await rows.save_payout_account(tx, current[1])

    async def _activate(self, wanted: PayoutAccount) -> None:
        """Marked first, then told to the provider, then recorded; each may be done again after a crash."""
        async with self._unit_of_work.begin() as tx:
            current = await _still_coming(tx, wanted)
            if current is None:
                return
            active, coming = current
            coming.status = PayoutStatus.ACTIVATING
            await rows.save_payout_account(tx, coming)
            business = await get_business(tx, wanted.business_id)
        code = active.subaccount_code if active else ""
        try:
            if code:
                await self._banking.update_subaccount(code, business.name, wanted.account)
            else:
                code = await self._banking.create_subaccount(business.name, wanted.account)
        except ProviderRefusal:
            await self._record(wanted, "")
            raise
        await self._record(wanted, code)

    async def _record(self, wanted: PayoutAccount, subaccount_code: str) -> None:
        """It is active with this code, in the place of the one before; withdrawn without a code."""
        async with self._unit_of_work.begin() as tx:
            current = await _still_coming(tx, wanted)
            if current is None:
                return
            (active, coming), moment = current, now()
            if subaccount_code:
                coming.activate(subaccount_code)
                if active:
                    active.end_as(PayoutStatus.REPLACED, moment)
                    await rows.save_payout_account(tx, active)
            else:
                coming.end_as(PayoutStatus.WITHDRAWN, moment)
            await rows.save_payout_account(tx, coming)


async def get_payout(tx: Transaction, business_id: str) -> Payout:
    """Raises NOT_FOUND (PAYOUT_ACCOUNT_NOT_FOUND) before one is named."""
    payout = await rows.payout(tx, business_id)
    if payout == Payout():
        raise not_found("PAYOUT_ACCOUNT_NOT_FOUND", "no payout account is named yet")
    return payout


async def get_business(tx: Transaction, business_id: str) -> Business:
    """UNAVAILABLE (BUSINESS_NOT_READY) for the moments until auth's event has come."""
    business = await rows.business(tx, business_id)
    if business is None:
        raise ServiceError(Kind.UNAVAILABLE, "BUSINESS_NOT_READY", "the business is being set up", retry_after=1)
    return business


async def active_subaccount(tx: Transaction, business_id: str, currency: str) -> str:
    """The provider's code of where the business's money goes; empty while it names no account in this currency."""
    active = (await rows.payout(tx, business_id)).active
    return active.subaccount_code if active and active.currency == currency else ""


async def _still_coming(tx: Transaction, wanted: PayoutAccount) -> tuple[PayoutAccount | None, PayoutAccount] | None:
    """The active account and the wanted one, locked; None when it was withdrawn or is active already."""
    await rows.lock_payout(tx, wanted.business_id)
    current = await rows.payout(tx, wanted.business_id)
    if current.coming is None or current.coming.id != wanted.id:
        return None
    return current.active, current.coming


def _unknown_account() -> ServiceError:
    return invalid("account_number", "ACCOUNT_UNKNOWN", "the bank knows no such account")
