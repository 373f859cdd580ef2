"""Refunds that the merchant gives: written down as wanted, sent to the provider once, asked about until they end.

POST /refund has no reference of ours and cannot be repeated, so nothing is ever sent a second time before somebody has
looked whether the provider has it already. Whoever dies in between leaves a refund whose lease runs out.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import invalid, not_found, precondition
from whatsinvoice_kit.core.ids import is_id
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments import events
from whatsinvoice_payments.clients import ProviderError, ProviderRefusal
from whatsinvoice_payments.clients.paystack_refunds import PaystackRefunds
from whatsinvoice_payments.domain.dispute import UNRESOLVED
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.domain.refund import LEASE, MAX_REASON, KeyLimit, Refund, RefundStatus, amount_of
from whatsinvoice_payments.domain.schedule import retry_after
from whatsinvoice_payments.repository import disputes as dispute_rows
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import refunds as rows
from whatsinvoice_payments.service import books
from whatsinvoice_payments.service.answers import away
from whatsinvoice_payments.service.money_back import MoneyBack

log = structlog.get_logger(__name__)

AT_ONCE = 5


async def create_refund(
    tx: Transaction,
    business_id: str,
    payment_id: str,
    amount_minor: int,
    reason: str,
    *,
    reopen: bool = False,
    by: KeyLimit | None = None,
) -> Refund:
    """Record a refund to be sent; amount 0 is all that is left. The invoice stays paid unless it is to `reopen`.

    Raises:
        ServiceError: NOT_FOUND (PAYMENT_NOT_FOUND), INVALID_ARGUMENT (REASON_TOO_LONG), RESOURCE_EXHAUSTED
            (REFUND_LIMIT_REACHED: by an API key), and as `amount_of`.
    """
    if len(reason) > MAX_REASON:
        raise invalid("reason", "REASON_TOO_LONG", f"use up to {MAX_REASON} characters")
    payment = await books.get_payment(tx, business_id, payment_id, lock=True)
    leaving = [refund.amount_minor for refund in await rows.refunds_of(tx, payment.id) if not refund.ended]
    found = await dispute_rows.disputes_of(tx, payment.id)
    disputed = [dispute.amount_minor for dispute in found if dispute.status in UNRESOLVED]
    amount = amount_of(payment, amount_minor, sum(leaving) + sum(disputed))
    refund = Refund.of(payment, amount, reason, now(), reopen=reopen)
    if by is not None:
        since = refund.created_at - timedelta(days=1)
        by.check(await rows.given_by_key(tx, business_id, by.api_key_id, payment.currency, since), amount)
        refund.api_key_id = by.api_key_id
    await rows.add_refund(tx, refund)
    tx.publish(events.refund_updated(refund))
    return refund


async def get_refund(tx: Transaction, business_id: str, refund_id: str) -> Refund:
    """Raises NOT_FOUND (REFUND_NOT_FOUND), also for another business's."""
    refund = await rows.refund(tx, business_id, refund_id) if is_id("rfd", refund_id) else None
    if refund is None:
        raise not_found("REFUND_NOT_FOUND", "there is no such refund")
    return refund


async def list_refunds(
    tx: Transaction, business_id: str, payment_id: str, cursor: str, limit: int
) -> tuple[Sequence[Refund], str]:
    """As books.list_payments."""
    size = books.page_size(limit)
    found = await rows.list_refunds(tx, business_id, payment_id, books.before("rfd", cursor), size + 1)
    return found[:size], found[size - 1].id if len(found) > size else ""


class RefundService:
    """Sends what is wanted, and asks what became of it."""

    def __init__(self, unit_of_work: UnitOfWork, refunds: PaystackRefunds, money_back: MoneyBack, scale: float) -> None:
        self._unit_of_work = unit_of_work
        self._refunds = refunds
        self._money_back = money_back
        self._lease = LEASE * scale

    async def retry_refund(self, business_id: str, refund_id: str, bank_code: str, account_number: str) -> Refund:
        """Sends one that needs attention to an account of the payer; twice is refused by the provider.

        Raises:
            ServiceError: NOT_FOUND (REFUND_NOT_FOUND), FAILED_PRECONDITION (REFUND_NEEDS_NOTHING), INVALID_ARGUMENT
                (BANK_UNKNOWN, ACCOUNT_UNKNOWN), UNAVAILABLE (PROVIDER_UNAVAILABLE).
        """
        refund, payment = await self._loaded(business_id, refund_id)
        if refund.status is not RefundStatus.NEEDS_ATTENTION or refund.provider_id is None:
            raise precondition("REFUND_NEEDS_NOTHING", f"the refund is {refund.status.value}")
        refusal = ""
        try:
            try:
                known = await self._refunds.retry(refund.provider_id, refund.currency, bank_code, account_number)
            except ProviderRefusal as error:
                known, refusal = True, str(error)
            if not known:
                raise invalid("bank_code", "BANK_UNKNOWN", "the provider knows no such bank")
            await self._money_back.bring_in_line(payment.reference)
        except ProviderError as error:
            raise away(error.retry_after) from error
        refund, _ = await self._loaded(business_id, refund_id)
        if refusal and refund.status is RefundStatus.NEEDS_ATTENTION:
            raise invalid("account_number", "ACCOUNT_UNKNOWN", refusal)
        return refund

    async def work(self) -> int:
        """Sends or asks about refunds whose time has come, a few at a time; how many were taken."""
        async with self._unit_of_work.begin() as tx:
            claimed = await rows.claim_due_refunds(tx, now(), self._lease, AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for refund in claimed:
                tasks.create_task(self._advance(refund))
        return len(claimed)

    async def _advance(self, refund: Refund) -> None:
        try:
            with telemetry.span("advance refund", within=refund.traceparent):
                await self._send_or_ask(refund)
        except ProviderError as error:
            log.warning("a refund must wait", refund=refund.id, attempts=refund.attempts, error=str(error))
            wait = retry_after(refund.attempts, self._lease.total_seconds())
            async with self._unit_of_work.begin() as tx:
                until = now() + max(wait, timedelta(seconds=error.retry_after))
                await rows.postpone_refund(tx, refund.id, until)
        except Exception:  # one refund must not hold up the others; it comes again after its lease
            log.exception("a refund failed", refund=refund.id)

    async def _send_or_ask(self, refund: Refund) -> None:
        """A first attempt is sent at once; before any other the provider is asked what it has."""
        claimed_until = now() + self._lease
        refund, payment = await self._loaded(refund.business_id, refund.id)
        if refund.attempts > 1 or refund.provider_id is not None:
            await self._money_back.bring_in_line(payment.reference)
            refund, payment = await self._loaded(refund.business_id, refund.id)
        if refund.provider_id is not None or refund.ended:
            return
        if now() > claimed_until - self._lease / 2:
            return  # too late to be sure that nobody else has begun
        await self._send(refund, payment)

    async def _send(self, refund: Refund, payment: Payment) -> None:
        try:
            found = await self._refunds.create(payment.reference, refund)
        except ProviderRefusal as refusal:
            await self._refused(refund.id, payment, str(refusal))
            return
        async with self._unit_of_work.begin() as tx:
            await self._money_back.accept(tx, refund.id, payment.reference, found)

    async def _refused(self, refund_id: str, payment: Payment, words: str) -> None:
        """The provider never had it, so the books know nothing of it."""
        log.warning("the provider refused a refund", refund=refund_id, words=words)
        async with self._unit_of_work.begin() as tx:
            await payment_rows.payment_by_reference(tx, payment.reference, lock=True)
            refund = next(one for one in await rows.refunds_of(tx, payment.id) if one.id == refund_id)
            if refund.provider_id is None and refund.move(RefundStatus.FAILED, now(), words):
                await rows.save_refund(tx, refund)
                tx.publish(events.refund_updated(refund))

    async def _loaded(self, business_id: str, refund_id: str) -> tuple[Refund, Payment]:
        async with self._unit_of_work.read() as tx:
            refund = await get_refund(tx, business_id, refund_id)
            return refund, await books.get_payment(tx, business_id, refund.payment_id)
