"""Money back: the one way by which refunds, disputes and reversals at the provider become rows, entries and events.

Nothing here believes a webhook: it only says that there is something to ask about. Whatever comes first, the payment,
its refunds and its disputes are brought to what the provider says of all of them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork

from whatsinvoice_payments import events
from whatsinvoice_payments.clients import Provider
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.clients.paystack_refunds import PaystackRefunds
from whatsinvoice_payments.domain import money_back as postings
from whatsinvoice_payments.domain.charge import Charge, ChargeStatus
from whatsinvoice_payments.domain.dispute import Dispute, DisputeStatus, ProviderDispute
from whatsinvoice_payments.domain.ledger import Posting
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.quarantine import Finding, Kind, Ruling
from whatsinvoice_payments.domain.refund import MADE_ELSEWHERE, UNFINISHED, ProviderRefund, Refund, RefundStatus
from whatsinvoice_payments.repository import disputes as dispute_rows
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import quarantine as quarantine_rows
from whatsinvoice_payments.repository import refunds as refund_rows
from whatsinvoice_payments.service.settlement import Result, Settled, hold_back, settle

REVERSAL_PURPOSE = "reversed"
HELD_PURPOSE = "held"


class MoreThanCaptured(Exception):  # noqa: N818  (what the provider says, not a fault of ours)
    """The provider says that more went back than ever came."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the provider says of a payment's money. The charge was asked first: what reversed it is in the rest."""

    charge: Charge
    refunds: Sequence[ProviderRefund]
    disputes: Sequence[ProviderDispute]
    captured: bool
    """Whether the charge was paid at some time, also where it is reversed now."""


class MoneyBack:
    """Asks the provider and writes down what it says, as often as it is asked, each fact once."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        provider: Provider,
        refunds: PaystackRefunds,
        disputes: PaystackDisputes,
        scale: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._refunds = refunds
        self._disputes = disputes
        self._scale = scale

    async def bring_in_line(self, reference: str, *, captured: bool = False) -> Settled:
        """Bring a payment to what the provider says. NOT_YET where it does not say that it was paid.

        `captured`: a signed success proves that the charge was paid, whatever became of it since. Raise ProviderError.
        """
        charge = await self._provider.verify(reference)
        if charge is None:
            return Settled(Result.NOT_YET, "the provider does not know the reference")
        refunds, disputes = await asyncio.gather(self._refunds.all_of(charge), self._disputes.all_of(charge))
        try:
            async with self._unit_of_work.begin() as tx:
                truth = Truth(charge, refunds, disputes, captured=captured or bool(refunds or disputes))
                return await self._apply(tx, reference, truth)
        except MoreThanCaptured as error:
            async with self._unit_of_work.begin() as tx:
                return await hold_back(tx, Finding(Kind.REFERENCE, reference, str(error)))

    async def accept(self, tx: Transaction, refund_id: str, reference: str, found: ProviderRefund) -> None:
        """The provider has just taken one that was sent."""
        payment = await payment_rows.payment_by_reference(tx, reference, lock=True)
        if payment is not None:
            known = await refund_rows.refunds_of(tx, payment.id)
            await self._refund(tx, payment, next(refund for refund in known if refund.id == refund_id), found)

    async def _apply(self, tx: Transaction, reference: str, truth: Truth) -> Settled:
        payment = await payment_rows.payment_by_reference(tx, reference, lock=True)
        settled = Settled(Result.UNCHANGED)
        if payment is None or payment.status is not Status.QUARANTINED:
            settled = await settle(tx, reference, truth.charge, captured=truth.captured)
            payment = await payment_rows.payment_by_reference(tx, reference, lock=True)
        if payment is None or not (payment.held or payment.settled_minor is not None):
            return settled
        before = payment.version
        await self._align_refunds(tx, payment, truth.refunds)
        await self._align_disputes(tx, payment, truth)
        await self._reverse(tx, payment, truth)
        return settled if payment.version == before else Settled(Result.SETTLED)

    async def _align_refunds(self, tx: Transaction, payment: Payment, found: Sequence[ProviderRefund]) -> None:
        known = await refund_rows.refunds_of(tx, payment.id)
        by_provider_id = {refund.provider_id: refund for refund in known}
        unsent = {refund.id: refund for refund in known if refund.provider_id is None and not refund.ended}
        for told in found:
            refund = by_provider_id.get(told.id) or unsent.pop(told.note, None)
            if refund is None:
                refund = Refund.of(payment, told.amount_minor, MADE_ELSEWHERE, now())
                await refund_rows.add_refund(tx, refund)
            await self._refund(tx, payment, refund, told)

    async def _refund(self, tx: Transaction, payment: Payment, refund: Refund, told: ProviderRefund) -> None:
        moment = now()
        accepted = refund.accept(told)
        moved = refund.move(told.status, moment, "the provider could not give it back" if _failed(told) else "")
        if accepted:
            await self._hold(tx, payment)
            await self._write(tx, payment, f"refund sent:{refund.id}", postings.refund_sent(refund.amount_minor))
        if moved and refund.status is RefundStatus.FAILED:
            await self._write(tx, payment, f"refund failed:{refund.id}", postings.refund_failed(refund.amount_minor))
        if moved and refund.status is RefundStatus.PROCESSED:
            counted = await self._give_back(tx, payment, refund.amount_minor, "refund", refund.id, reopen=refund.reopen)
            if refund.reopen or payment.held:
                written = postings.refund_processed(refund.amount_minor, counted, held=payment.held)
            else:
                written = postings.refund_kept(refund.amount_minor, counted)
            await self._write(tx, payment, f"refund processed:{refund.id}", written)
        refund.plan(moment, self._scale)
        if not (accepted or moved):
            await refund_rows.postpone_refund(tx, refund.id, refund.next_attempt_at)
            return
        await refund_rows.save_refund(tx, refund)
        if moved or refund.reason == MADE_ELSEWHERE:
            tx.publish(events.refund_updated(refund))

    async def _align_disputes(self, tx: Transaction, payment: Payment, truth: Truth) -> None:
        known = {dispute.provider_id: dispute for dispute in await dispute_rows.disputes_of(tx, payment.id)}
        leaving = sum(told.amount_minor for told in truth.refunds if told.status in UNFINISHED)
        for told in truth.disputes:
            dispute = known.get(told.id) or await self._open(tx, payment, told)
            before = dispute.status, dispute.due_at, dispute.category
            moved = dispute.move(told, max(payment.left_minor - leaving, 0), now())
            if moved and dispute.status is DisputeStatus.RESOLVED:
                await self._resolve(tx, payment, dispute)
            elif before != (dispute.status, dispute.due_at, dispute.category):
                await dispute_rows.save_dispute(tx, dispute)

    async def _open(self, tx: Transaction, payment: Payment, told: ProviderDispute) -> Dispute:
        if payment.left_minor <= 0:
            raise MoreThanCaptured(f"dispute {told.id} is about money that has gone back")
        dispute = Dispute.of(payment, told, now())
        await self._hold(tx, payment)
        await dispute_rows.add_dispute(tx, dispute)
        written = postings.dispute_opened(dispute.amount_minor)
        await self._write(tx, payment, f"dispute opened:{dispute.id}", written)
        tx.publish(events.dispute_opened(dispute))
        return dispute

    async def _resolve(self, tx: Transaction, payment: Payment, dispute: Dispute) -> None:
        lost, counted = dispute.lost_minor, 0
        if lost:
            counted = await self._give_back(tx, payment, lost, "dispute", dispute.id)
        written = postings.dispute_resolved(dispute.amount_minor, lost, counted, held=payment.held)
        word = "lost" if lost else "won"
        await self._write(tx, payment, f"dispute {word}:{dispute.id}", written)
        await dispute_rows.save_dispute(tx, dispute)
        tx.publish(events.dispute_resolved(dispute))

    async def _reverse(self, tx: Transaction, payment: Payment, truth: Truth) -> None:
        """A reversal that neither refunds nor disputes explain, once none of them is on its way any more."""
        going_on = any(told.status in UNFINISHED for told in truth.refunds)
        going_on |= any(told.status is not DisputeStatus.RESOLVED for told in truth.disputes)
        amount = payment.left_minor
        if truth.charge.status is not ChargeStatus.REVERSED or going_on or amount <= 0:
            return
        await self._hold(tx, payment)
        counted = await self._give_back(tx, payment, amount, "reversal", payment.id)
        written = postings.reversal(amount, counted, held=payment.held)
        await self._write(tx, payment, REVERSAL_PURPOSE, written)

    async def _give_back(
        self, tx: Transaction, payment: Payment, amount: int, cause: str, cause_id: str, *, reopen: bool = True
    ) -> int:
        """Take an amount from the payment. Return what of it had counted. Invoices knows nothing of a held payment."""
        if amount > payment.left_minor:
            raise MoreThanCaptured(f"{cause} {cause_id} of {amount}, of which {payment.left_minor} are left")
        counted = payment.give_back(amount, cause)
        if payment.held and payment.left_minor == 0:
            payment.end_as(Status.REVERSED, cause)
            await quarantine_rows.rule(tx, Ruling.REFUNDED, payment_id=payment.id)
        await payment_rows.save_payment(tx, payment)
        if not payment.held:
            tx.publish(events.payment_reversed(payment, amount, cause, cause_id, reopen=reopen))
        return counted

    async def _hold(self, tx: Transaction, payment: Payment) -> None:
        """Money in quarantine is in no books until some of it moves."""
        if payment.held and not await ledger_rows.has_entry_set(tx, payment.id, HELD_PURPOSE):
            await self._write(tx, payment, HELD_PURPOSE, postings.capture_held(payment.paid_minor, payment.fees_minor))

    @staticmethod
    async def _write(tx: Transaction, payment: Payment, purpose: str, written: Sequence[Posting]) -> None:
        if written:
            await ledger_rows.add_entry_set(tx, payment, purpose, written)


def _failed(told: ProviderRefund) -> bool:
    return told.status is RefundStatus.FAILED
