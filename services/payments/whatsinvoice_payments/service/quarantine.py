"""Ruling over what is held back: a payment is applied after all, or a finding is put aside."""

import structlog
from prometheus_client import Gauge
from whatsinvoice_kit.core.errors import not_found, precondition
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.clients import Provider, ProviderError
from whatsinvoice_payments.domain.charge import Charge, is_captured
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.quarantine import Kind, Ruling
from whatsinvoice_payments.domain.refund import RefundStatus
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import quarantine as rows
from whatsinvoice_payments.repository import refunds as refund_rows
from whatsinvoice_payments.service.answers import away
from whatsinvoice_payments.service.books import get_payment
from whatsinvoice_payments.service.settlement import apply

log = structlog.get_logger(__name__)

OPEN = Gauge("payments_quarantine_open", "What is held back and waits for a person", ["kind"])
for _kind in Kind:
    OPEN.labels(_kind.value)


class QuarantineService:
    """What a merchant, or whoever runs the service, decides of it."""

    def __init__(self, unit_of_work: UnitOfWork, provider: Provider) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider

    async def release_payment(self, business_id: str, payment_id: str) -> Payment:
        """Applies a held payment as the provider has it now; again changes nothing.

        Raises:
            ServiceError: NOT_FOUND (PAYMENT_NOT_FOUND), FAILED_PRECONDITION (PAYMENT_NOT_QUARANTINED, CURRENCY_MISMATCH
                for money that cannot pay this invoice, PAYMENT_NOT_CAPTURED), UNAVAILABLE (PROVIDER_UNAVAILABLE).
        """
        async with self._unit_of_work.read() as tx:
            payment = await get_payment(tx, business_id, payment_id)
            if await rows.was_released(tx, business_id, payment_id):
                return payment
        _require_held(payment)
        charge = await self._captured(payment)
        async with self._unit_of_work.begin() as tx:
            held = await payment_rows.payment_by_reference(tx, payment.reference, lock=True)
            if held is None:
                raise not_found("PAYMENT_NOT_FOUND", "there is no such payment")
            _require_held(held)
            if any(refund.status is not RefundStatus.FAILED for refund in await refund_rows.refunds_of(tx, held.id)):
                raise precondition("PAYMENT_NOT_QUARANTINED", "the payment is being given back")
            await apply(tx, held, charge)
            await rows.rule(tx, Ruling.RELEASED, payment_id=held.id)
        log.warning("a quarantined payment was released", reference=held.reference, reason=payment.reason)
        return held

    async def dismiss(self, held_id: str) -> bool:
        """Puts an open finding aside that holds no payment of ours; False where there is none."""
        async with self._unit_of_work.begin() as tx:
            held = await rows.find_held(tx, held_id)
            if held is None or held.finding.kind is Kind.PAYMENT:
                return False
            return bool(await rows.rule(tx, Ruling.DISMISSED, held_id=held_id))

    async def measure(self) -> int:
        """Sets the gauges; there is never more of it to do at once."""
        async with self._unit_of_work.read() as tx:
            for kind, count in (await rows.count_open(tx)).items():
                OPEN.labels(kind.value).set(count)
        return 0

    async def _captured(self, payment: Payment) -> Charge:
        """What the provider has of it, in the currency of its invoice."""
        try:
            charge = await self._provider.verify(payment.reference)
        except ProviderError as error:
            raise away(error.retry_after) from error
        if charge is not None and charge.currency != payment.currency:
            raise precondition("CURRENCY_MISMATCH", "the payment is in another currency than its invoice")
        if charge is None or not is_captured(payment, charge):
            raise precondition("PAYMENT_NOT_CAPTURED", "the provider has no money of this payment")
        return charge


def _require_held(payment: Payment) -> None:
    if payment.status is not Status.QUARANTINED:
        raise precondition("PAYMENT_NOT_QUARANTINED", "only a payment in quarantine can be released")
