"""What webhooks about refunds, disputes and rejected transfers do: ask the provider, and believe only its answer."""

from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Provider
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.domain.charge import ChargeStatus
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.domain.quarantine import Finding, Kind
from whatsinvoice_payments.domain.webhook import StoredEvent, disputed_of, refunded_reference_of, rejection_of
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.service.charge_webhooks import DOUBTED_TRIES
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.service.settlement import Result, Settled, fail, hold_back, settle
from whatsinvoice_payments.service.webhooks import NotYet, Outcome

UNKNOWN = "no payment of ours has this reference"


class MoneyBackWebhooks:
    """The effects of signed words about money that did not stay. Each raises NotYet, ProviderError."""

    def __init__(
        self, unit_of_work: UnitOfWork, provider: Provider, disputes: PaystackDisputes, money_back: MoneyBack
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._disputes = disputes
        self._money_back = money_back

    async def refund_moved(self, event: StoredEvent) -> Outcome:
        """`refund.*`: names no refund, only the transaction, whose money is brought in line whole."""
        return await self._align(event, refunded_reference_of(event.body))

    async def dispute_moved(self, event: StoredEvent) -> Outcome:
        """`charge.dispute.*`."""
        dispute_id, reference = disputed_of(event.body)
        if not reference and dispute_id:
            reference = await self._disputes.reference_of(dispute_id) or ""
        return await self._align(event, reference)

    async def transfer_rejected(self, event: StoredEvent) -> Outcome:
        """Handle `bank.transfer.rejected`: a wrong amount went back to its sender. Only `success` counts as paid."""
        rejection = rejection_of(event.body)
        transaction_id = rejection.transaction_id
        charge = await self._provider.find(transaction_id) if transaction_id else None
        known = await self._known(charge.reference) if charge else None
        if charge is None or known is None:
            return await self._hold(event, transaction_id, UNKNOWN)
        async with self._unit_of_work.begin() as tx:
            if charge.status is ChargeStatus.SUCCESS:
                return _outcome(await settle(tx, charge.reference, charge))
            payment = await payment_rows.payment_by_reference(tx, charge.reference, lock=True)
            if payment is None or not payment.open:
                return _outcome(Settled(Result.UNCHANGED))
            words = rejection.words or "the transfer was rejected"
            await fail(tx, payment, words, returned=True, sent_minor=rejection.sent_minor)
            return _outcome(Settled(Result.SETTLED, words))

    async def _align(self, event: StoredEvent, reference: str) -> Outcome:
        known = await self._known(reference)
        if known is None:
            return await self._hold(event, reference, UNKNOWN)
        with telemetry.span("bring payment in line", within=known.traceparent or None):
            settled = await self._money_back.bring_in_line(reference)
        if settled.result is Result.NOT_YET:
            if event.attempts < DOUBTED_TRIES:
                raise NotYet(f"not confirmed: {settled.reason}")
            return await self._hold(event, reference, f"never confirmed: {settled.reason}")
        return _outcome(settled)

    async def _hold(self, event: StoredEvent, reference: str, reason: str) -> Outcome:
        async with self._unit_of_work.begin() as tx:
            held = await hold_back(tx, Finding(Kind.WEBHOOK, reference, reason, webhook_id=event.id))
        return _outcome(held)

    async def _known(self, reference: str) -> Payment | None:
        async with self._unit_of_work.begin() as tx:
            return await payment_rows.payment_by_reference(tx, reference) if reference else None


def _outcome(settled: Settled) -> Outcome:
    return Outcome(settled.result.value, settled.reason)
