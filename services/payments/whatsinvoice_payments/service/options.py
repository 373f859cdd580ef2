"""What the pay page shows: the ways to pay an invoice now, and what became of the attempt that its payer comes from."""

import time
from collections import OrderedDict

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.clients import Invoices, Provider, ProviderError
from whatsinvoice_payments.domain.bank_account import TRANSFER_CURRENCIES
from whatsinvoice_payments.domain.charge import ChargeStatus
from whatsinvoice_payments.domain.options import Outcome, PaymentOptions, minimum_of, outcome_of
from whatsinvoice_payments.domain.payment import PAYSTACK, Payable, Payment
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import payouts as payout_rows
from whatsinvoice_payments.repository import virtual_accounts as account_rows
from whatsinvoice_payments.service.settlement import settle

log = structlog.get_logger(__name__)

ASK_SECONDS = 2.0
"""The provider is asked about one reference no more often than this, however often the page is opened."""
KEPT = 10_000


class PaymentOptionsService:
    """Reads our own rows, and asks the provider about an attempt that is still open."""

    def __init__(self, unit_of_work: UnitOfWork, provider: Provider, invoices: Invoices) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._invoices = invoices
        self._asked: OrderedDict[str, tuple[float, Outcome]] = OrderedDict()

    async def get_payment_options(self, token: str, reference: str) -> PaymentOptions:
        """Return the options of a public link. Raise NOT_FOUND (LINK_NOT_FOUND)."""
        payable = await self._invoices.payable(token)
        outcome, reason = await self._outcome(payable, reference)
        async with self._unit_of_work.read() as tx:
            active = (await payout_rows.payout(tx, payable.business_id)).active
            held = await payment_rows.quarantined_of(tx, payable.business_id, payable.invoice_id)
            transfers = await account_rows.open_transfers(tx, payable.business_id, payable.invoice_id, now())
        minimum = minimum_of(payable.due_minor, payable.currency)
        online = payable.due_minor > 0 and minimum is None and not held
        return PaymentOptions(
            account=active.account if active and active.currency == payable.currency and not held else None,
            narration=payable.invoice_number,
            pay_online=online,
            pay_with_transfer=online and payable.currency in TRANSFER_CURRENCIES,
            minimum=minimum,
            under_review=bool(held),
            open_transfers=transfers,
            outcome=outcome,
            outcome_reason=reason,
        )

    async def _outcome(self, payable: Payable, reference: str) -> tuple[Outcome, str]:
        payment = await self._of_invoice(payable, reference)
        if payment is None:
            return Outcome.UNSPECIFIED, ""
        outcome = outcome_of(payment)
        if payment.open and payment.provider == PAYSTACK:
            outcome = await self._ask(reference)
            payment = await self._of_invoice(payable, reference) or payment
            if not payment.open:
                outcome = outcome_of(payment)
        return outcome, payment.reason

    async def _of_invoice(self, payable: Payable, reference: str) -> Payment | None:
        """Return the attempt, None for a reference that is none of this invoice."""
        if not reference:
            return None
        async with self._unit_of_work.read() as tx:
            payment = await payment_rows.payment_by_reference(tx, reference)
        ours = payment is not None and payment.invoice_id == payable.invoice_id
        return payment if ours else None

    async def _ask(self, reference: str) -> Outcome:
        """Ask the provider, and settle what it says; what it said a moment ago will do."""
        at, known = self._asked.get(reference, (float("-inf"), Outcome.CONFIRMING))
        if time.monotonic() - at < ASK_SECONDS:
            return known
        self._remember(reference, known)
        try:
            charge = await self._provider.verify(reference)
        except ProviderError as error:
            log.warning("attempt unknown: provider away", reference=reference, error=str(error))
            return known
        if charge is None or charge.status is ChargeStatus.OPEN:
            gone = charge is not None and charge.abandoned
            outcome = Outcome.ABANDONED if gone else Outcome.CONFIRMING
        else:
            async with self._unit_of_work.begin() as tx:
                await settle(tx, reference, charge)
            outcome = Outcome.CONFIRMING
        self._remember(reference, outcome)
        return outcome

    def _remember(self, reference: str, outcome: Outcome) -> None:
        self._asked[reference] = time.monotonic(), outcome
        self._asked.move_to_end(reference)
        if len(self._asked) > KEPT:
            self._asked.popitem(last=False)
