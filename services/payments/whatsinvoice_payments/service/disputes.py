"""Disputes: what the merchant answers is written down first, then told to the provider, whose word decides."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError, invalid, not_found, precondition
from whatsinvoice_kit.core.ids import is_id
from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Invoices, ProviderError, ProviderRefusal
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.domain.dispute import ACCEPT, CONTEST, MAX_MESSAGE, Dispute, DisputeStatus
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.repository import disputes as rows
from whatsinvoice_payments.service import books
from whatsinvoice_payments.service.answers import away
from whatsinvoice_payments.service.money_back import MoneyBack

log = structlog.get_logger(__name__)

AT_ONCE = 5
UNANSWERED = timedelta(seconds=60)
"""After which an answer that the provider has not taken is told again; longer than telling it may take."""
UNRESOLVED = timedelta(hours=1)
"""After which the provider is asked about a dispute of which no webhook came."""
ACCEPT_MESSAGE = "The merchant accepts the dispute."


async def get_dispute(tx: Transaction, business_id: str, dispute_id: str, *, lock: bool = False) -> Dispute:
    """Raises NOT_FOUND (DISPUTE_NOT_FOUND), also for another business's."""
    dispute = await rows.dispute(tx, business_id, dispute_id, lock=lock) if is_id("dsp", dispute_id) else None
    if dispute is None:
        raise not_found("DISPUTE_NOT_FOUND", "there is no such dispute")
    return dispute


async def list_disputes(tx: Transaction, business_id: str, cursor: str, limit: int) -> tuple[Sequence[Dispute], str]:
    """As books.list_payments."""
    size = books.page_size(limit)
    found = await rows.list_disputes(tx, business_id, books.before("dsp", cursor), size + 1)
    return found[:size], found[size - 1].id if len(found) > size else ""


class DisputeService:
    """Answers for the merchant, and asks what became of it."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        disputes: PaystackDisputes,
        invoices: Invoices,
        money_back: MoneyBack,
        scale: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._disputes = disputes
        self._invoices = invoices
        self._money_back = money_back
        self._scale = scale

    async def accept_dispute(self, business_id: str, dispute_id: str) -> Dispute:
        """All that is disputed goes back to the payer.

        Raises:
            ServiceError: NOT_FOUND (DISPUTE_NOT_FOUND), FAILED_PRECONDITION (DISPUTE_RESOLVED, DISPUTE_ANSWERED,
                DISPUTE_ANSWER_REFUSED), UNAVAILABLE (PROVIDER_UNAVAILABLE): the answer is kept, and told later.
        """
        return await self._answer(business_id, dispute_id, ACCEPT, ACCEPT_MESSAGE)

    async def contest_dispute(self, business_id: str, dispute_id: str, message: str) -> Dispute:
        """Sends the evidence to the payer's bank. Raises as `accept_dispute`; INVALID_ARGUMENT (MESSAGE_INVALID)."""
        if not 0 < len(message) <= MAX_MESSAGE:
            raise invalid("message", "MESSAGE_INVALID", f"use 1 to {MAX_MESSAGE} characters")
        return await self._answer(business_id, dispute_id, CONTEST, message)

    async def get_dispute_evidence(self, business_id: str, dispute_id: str) -> tuple[bytes, str]:
        """A PDF and its file name. Raises NOT_FOUND (DISPUTE_NOT_FOUND), UNAVAILABLE."""
        dispute, payment = await self._loaded(business_id, dispute_id)
        return await self._evidence(dispute, payment)

    async def work(self) -> int:
        """Tells answers that were not taken, and asks about disputes that go on, a few at a time; how many."""
        async with self._unit_of_work.begin() as tx:
            due = await rows.claim_due_disputes(tx, now(), UNANSWERED * self._scale, UNRESOLVED * self._scale, AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for dispute in due:
                tasks.create_task(self._advance(dispute))
        return len(due)

    async def _answer(self, business_id: str, dispute_id: str, answer: str, message: str) -> Dispute:
        async with self._unit_of_work.begin() as tx:
            dispute = await get_dispute(tx, business_id, dispute_id, lock=True)
            if dispute.status is DisputeStatus.RESOLVED:
                raise precondition("DISPUTE_RESOLVED", "the dispute is resolved")
            if dispute.status is DisputeStatus.AWAITING or dispute.answer not in ("", answer):
                raise precondition("DISPUTE_ANSWERED", "the dispute has been answered")
            dispute.answer, dispute.answer_message = answer, message
            await rows.save_dispute(tx, dispute)
        try:
            await self._tell(dispute)
        except ProviderError as error:
            log.warning("an answer must wait", dispute=dispute_id, error=str(error))
            raise away(error.retry_after) from error
        async with self._unit_of_work.read() as tx:
            return await get_dispute(tx, business_id, dispute_id)

    async def _advance(self, dispute: Dispute) -> None:
        try:
            with telemetry.span("advance dispute", within=dispute.traceparent):
                dispute, payment = await self._loaded(dispute.business_id, dispute.id)
                await self._money_back.bring_in_line(payment.reference)
                dispute, _ = await self._loaded(dispute.business_id, dispute.id)
                if dispute.to_be_answered:
                    await self._tell(dispute)
        except (ProviderError, ServiceError) as error:
            log.warning("a dispute must wait", dispute=dispute.id, error=str(error))
        except Exception:  # one dispute must not hold up the others; it comes again
            log.exception("a dispute failed", dispute=dispute.id)

    async def _tell(self, dispute: Dispute) -> None:
        """Says to the provider what the merchant has answered, and takes over what it makes of it."""
        dispute, payment = await self._loaded(dispute.business_id, dispute.id)
        amount, refusal = min(dispute.amount_minor, payment.left_minor), ""
        try:
            if dispute.answer == ACCEPT:
                await self._disputes.accept(dispute.provider_id, amount, dispute.answer_message)
            else:
                content, _ = await self._evidence(dispute, payment)
                await self._disputes.contest(dispute.provider_id, amount, dispute.answer_message, content)
        except ProviderRefusal as error:
            refusal = str(error)
        await self._money_back.bring_in_line(payment.reference)
        if refusal:
            await self._refused(dispute, refusal)

    async def _refused(self, told: Dispute, words: str) -> None:
        """Either it had been answered before, or the merchant must answer otherwise."""
        async with self._unit_of_work.begin() as tx:
            dispute = await get_dispute(tx, told.business_id, told.id, lock=True)
            refused = dispute.to_be_answered
            if refused:
                dispute.answer, dispute.answer_message = "", ""
                await rows.save_dispute(tx, dispute)
        if refused:
            log.warning("the provider refused an answer", dispute=told.id, words=words)
            raise precondition("DISPUTE_ANSWER_REFUSED", words)

    async def _evidence(self, dispute: Dispute, payment: Payment) -> tuple[bytes, str]:
        facts = {
            "Dispute": dispute.provider_id,
            "Category": dispute.category,
            "Disputed": str(Money(dispute.amount_minor, dispute.currency)),
            "Payment reference": payment.reference,
            "Paid": str(Money(payment.captured_minor, payment.currency)),
            "Channel": payment.channel,
            "Paid at": payment.paid_at.isoformat(timespec="seconds") if payment.paid_at else "",
        }
        given = {label: value for label, value in facts.items() if value}
        return await self._invoices.evidence(dispute.business_id, dispute.invoice_id, payment.id, given)

    async def _loaded(self, business_id: str, dispute_id: str) -> tuple[Dispute, Payment]:
        async with self._unit_of_work.read() as tx:
            dispute = await get_dispute(tx, business_id, dispute_id)
            return dispute, await books.get_payment(tx, business_id, dispute.payment_id)
