"""What `charge.success` does: verified with the provider first, then settled beside the webhook's outcome."""

from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_payments.clients import Provider
from whatsinvoice_payments.domain.charge import ChargeStatus, Claim
from whatsinvoice_payments.domain.payment import Payment
from whatsinvoice_payments.domain.quarantine import Finding, Kind
from whatsinvoice_payments.domain.webhook import Deposit, StoredEvent, claim_of, deposit_of
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import webhooks as webhook_rows
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.service.settlement import Result, Settled, hold_back, settle
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService
from whatsinvoice_payments.service.webhooks import NotYet, Outcome

DOUBTED_TRIES = 20
"""So many times, over most of a day, the provider may deny what it has signed before a person must look."""


class ChargeWebhooks:
    """The effect of a signed success."""

    def __init__(
        self, unit_of_work: UnitOfWork, provider: Provider, deposits: VirtualAccountService, money_back: MoneyBack
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._deposits = deposits
        self._money_back = money_back

    async def apply(self, event: StoredEvent) -> Outcome:
        """Settles the charge that is spoken of."""
        claim = claim_of(event.body)
        known = await self._known(claim, deposit_of(event.body))
        if known is None:
            return await self._hold(event, claim, "no payment of ours has this reference")
        with telemetry.span("settle payment", within=known.traceparent or None):
            return await self._settle(event, claim)

    async def _known(self, claim: Claim, deposit: Deposit | None) -> Payment | None:
        """The payment that is spoken of; one is made for what came into a customer's own account."""
        if deposit is not None and claim.amount_minor:
            await self._deposits.adopt_transfer(
                claim.reference,
                claim.amount_minor,
                claim.currency,
                account_number=deposit.account_number,
                customer_code=deposit.customer_code,
            )
        async with self._unit_of_work.begin() as tx:
            return await payment_rows.payment_by_reference(tx, claim.reference)

    async def _settle(self, event: StoredEvent, claim: Claim) -> Outcome:
        charge = await self._provider.verify(claim.reference)
        settled = Settled(Result.NOT_YET, "the provider does not know the reference")
        if charge is not None and charge.status is ChargeStatus.REVERSED:
            await self._money_back.bring_in_line(claim.reference, captured=True)
        if charge is not None:
            async with self._unit_of_work.begin() as tx:
                settled = await settle(tx, claim.reference, charge, claim, event.id, captured=True)
                if settled.result is not Result.NOT_YET:
                    await webhook_rows.finish_event(tx, event.id, settled.result.value, settled.reason)
        if settled.result is Result.NOT_YET:
            return await self._doubt(event, claim, settled.reason)
        return Outcome(settled.result.value, settled.reason, kept=True)

    async def _doubt(self, event: StoredEvent, claim: Claim, reason: str) -> Outcome:
        """A signed success that the provider, asked, does not confirm: later, and in the end a person's matter."""
        if event.attempts < DOUBTED_TRIES:
            raise NotYet(f"not confirmed: {reason}")
        return await self._hold(event, claim, f"never confirmed: {reason}")

    async def _hold(self, event: StoredEvent, claim: Claim, reason: str) -> Outcome:
        finding = Finding(
            Kind.WEBHOOK,
            claim.reference,
            reason,
            amount_minor=claim.amount_minor,
            currency=claim.currency,
            webhook_id=event.id,
        )
        async with self._unit_of_work.begin() as tx:
            held = await hold_back(tx, finding)
            await webhook_rows.finish_event(tx, event.id, held.result.value, held.reason)
        return Outcome(held.result.value, held.reason, kept=True)
