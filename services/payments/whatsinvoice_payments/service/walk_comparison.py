"""How one transaction of the provider and one payment of ours differ, after what can be settled has been."""

from collections.abc import Mapping

import structlog
from whatsinvoice_kit.core.errors import Kind as ErrorKind
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Provider, ProviderError
from whatsinvoice_payments.domain.charge import ChargeStatus
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.walk import Difference, Kind, Listed, Unreadable, Walk, amount_differs
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.service.settlement import settle
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService

log = structlog.get_logger(__name__)


class Comparison:
    """`deposits` makes the payment for money that came into a customer's own account."""

    def __init__(
        self, unit_of_work: UnitOfWork, provider: Provider, deposits: VirtualAccountService, money_back: MoneyBack
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._deposits = deposits
        self._money_back = money_back

    async def of_listed(self, walk: Walk, one: Listed | Unreadable, known: Mapping[str, Payment]) -> Difference | None:
        """Return how one of the provider's list differs from ours (`known` by reference), once it is settled.

        Raises ProviderError, and UNAVAILABLE of invoices: it is to be compared later. Anything else that goes wrong is
        told as a difference, since it must not hold up the others.
        """
        try:
            return await self._compared(walk, one, known)
        except ProviderError:
            raise
        except Exception as error:
            if isinstance(error, ServiceError) and error.kind is ErrorKind.UNAVAILABLE:
                raise
            reference = one.charge.reference if isinstance(one, Listed) else one.reference
            log.exception("a transaction could not be compared", reference=reference)
            return Difference(walk.day, reference, Kind.UNSETTLED, detail=type(error).__name__)

    async def _compared(self, walk: Walk, one: Listed | Unreadable, known: Mapping[str, Payment]) -> Difference | None:
        if isinstance(one, Unreadable):
            return Difference(walk.day, one.reference, Kind.UNREADABLE)
        charge = one.charge
        theirs = (None, charge.paid_minor, charge.currency)
        payment = known.get(charge.reference) or await self._adopted(one)
        if payment is None:
            return Difference(walk.day, charge.reference, Kind.UNKNOWN_MONEY, *theirs, charge.channel)
        if not payment.final:
            payment = await self._settled(payment)
        if not payment.final:
            return Difference(walk.day, charge.reference, Kind.UNSETTLED, *theirs, f"ours is {payment.status.value}")
        return amount_differs(walk, payment, charge)

    async def _adopted(self, one: Listed) -> Payment | None:
        """Return the payment that is made for a deposit into a customer's own account whose webhook was lost."""
        charge, into = one.charge, one.deposit
        if into is None or not charge.paid_minor:
            return None
        await self._deposits.adopt_transfer(
            charge.reference,
            charge.paid_minor,
            charge.currency,
            account_number=into.account_number,
            customer_code=into.customer_code,
        )
        return await self._by_reference(charge.reference)

    async def _settled(self, payment: Payment) -> Payment:
        """As reconciliation does it: the list is not believed, the provider is asked about this one."""
        with telemetry.span("settle payment", within=payment.traceparent or None):
            charge = await self._provider.verify(payment.reference)
            if charge is not None:
                async with self._unit_of_work.begin() as tx:
                    settled = await settle(tx, payment.reference, charge)
                log.warning("the walk found money", reference=payment.reference, result=settled.result.value)
        return await self._by_reference(payment.reference) or payment

    async def of_unseen(self, walk: Walk, payment: Payment) -> Difference | None:
        """How one of ours that the list did not show differs from the provider's word; raises ProviderError."""
        charge = await self._provider.verify(payment.reference)
        ours = payment.paid_minor
        missing = (walk.day, payment.reference, Kind.MISSING_AT_PROVIDER, ours, None, payment.currency)
        if charge is None:
            return Difference(*missing, "the provider has never heard of it")
        if charge.status is ChargeStatus.REVERSED:
            await self._money_back.bring_in_line(payment.reference)
            payment = await self._by_reference(payment.reference) or payment
            if payment.status is Status.REVERSED:
                return None
        if charge.status is not ChargeStatus.SUCCESS:
            return Difference(*missing, f"the provider says it is {charge.status.value}")
        return amount_differs(walk, payment, charge)

    async def _by_reference(self, reference: str) -> Payment | None:
        async with self._unit_of_work.read() as tx:
            return await payment_rows.payment_by_reference(tx, reference)
