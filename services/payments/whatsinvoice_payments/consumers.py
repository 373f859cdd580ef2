"""Background work of payments: stored webhooks, refunds on their way, reconciliation with the provider.

Events in: businesses, from auth; issued invoices and what became of payments, from invoices.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, BusinessRegistered
from whatsinvoice.invoices.v1.events_pb2 import InvoiceIssued, InvoicePaymentRecorded, InvoiceReversalRecorded
from whatsinvoice.invoices.v1.invoices_pb2 import Invoice, InvoiceStatus
from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Handler, Subscription

from whatsinvoice_payments import events
from whatsinvoice_payments.domain.allocation import Allocation
from whatsinvoice_payments.domain.bank_account import Business
from whatsinvoice_payments.domain.options import minimum_of
from whatsinvoice_payments.repository.payouts import put_business
from whatsinvoice_payments.repository.refunds import CHANNEL as REFUNDS_CHANNEL
from whatsinvoice_payments.service.allocations import record_allocation
from whatsinvoice_payments.service.chain import ChainService
from whatsinvoice_payments.service.disputes import DisputeService
from whatsinvoice_payments.service.invariants import InvariantsService
from whatsinvoice_payments.service.kept_webhooks import KeptWebhooks
from whatsinvoice_payments.service.money_back_gauges import MoneyBackGauges
from whatsinvoice_payments.service.money_back_walk import MoneyBackWalk
from whatsinvoice_payments.service.quarantine import QuarantineService
from whatsinvoice_payments.service.reconciliation import ReconciliationService
from whatsinvoice_payments.service.refunds import RefundService
from whatsinvoice_payments.service.walk import WALK_JOB, WalkService

DAY_SECONDS = 86_400.0
MEASURE_SECONDS = 60.0


async def on_business_told(tx: Transaction, event: BusinessRegistered | BusinessChanged) -> None:
    """Keeps what payments needs of a business."""
    told = event.business
    business = Business(told.id, told.name, told.country, told.currency_code, event.aggregate_version)
    await put_business(tx, business)


async def on_invoice_issued(tx: Transaction, event: InvoiceIssued) -> None:
    """Report an invoice that the provider cannot collect."""
    _report_minimum(tx, event.business_id, event.invoice)


def _report_minimum(tx: Transaction, business_id: str, invoice: Invoice) -> None:
    minimum = minimum_of(invoice.amount_due_minor, invoice.currency_code)
    if minimum is not None:
        due = Money(invoice.amount_due_minor, invoice.currency_code)
        tx.publish(events.online_payment_unavailable(business_id, invoice.id, invoice.version, due, minimum))


async def on_payment_recorded(tx: Transaction, event: InvoicePaymentRecorded) -> None:
    """Keep what of a payment counted for its invoice, and what became the customer's credit."""
    _report_minimum(tx, event.business_id, event.invoice)
    receipt, credit = event.receipt, event.credit_minor
    applied = receipt.amount.amount_minor - credit
    await record_allocation(tx, _allocation(event.business_id, event.invoice, receipt.payment_id, "", applied, credit))


async def on_reversal_recorded(tx: Transaction, event: InvoiceReversalRecorded) -> None:
    """What of money that went back had counted, and what had been credit."""
    applied, credit = event.from_applied_minor, event.from_credit_minor
    told = _allocation(event.business_id, event.invoice, event.payment_id, event.cause_id, applied, credit)
    await record_allocation(tx, replace(told, reopened=event.reopened))


def _allocation(
    business_id: str, invoice: Invoice, payment_id: str, cause_id: str, applied_minor: int, credit_minor: int
) -> Allocation:
    return Allocation(
        payment_id=payment_id,
        cause_id=cause_id,
        business_id=business_id,
        invoice_id=invoice.id,
        applied_minor=applied_minor,
        credit_minor=credit_minor,
        reopened=True,
        currency=invoice.currency_code,
        invoice_total_minor=invoice.total_minor,
        invoice_paid_minor=invoice.amount_paid_minor,
        invoice_status=InvoiceStatus.Name(invoice.status).removeprefix("INVOICE_STATUS_").lower(),
        invoice_version=invoice.version,
    )


def subscriptions() -> list[Subscription]:
    """Stream by stream."""
    of_auth: dict[type[Any], Handler] = {BusinessRegistered: on_business_told, BusinessChanged: on_business_told}
    of_invoices: dict[type[Any], Handler] = {
        InvoiceIssued: on_invoice_issued,
        InvoicePaymentRecorded: on_payment_recorded,
        InvoiceReversalRecorded: on_reversal_recorded,
    }
    return [
        Subscription("whatsinvoice.auth.v1", of_auth),
        Subscription("whatsinvoice.invoices.v1", of_invoices),
    ]


def jobs(
    reconciliation: ReconciliationService,
    quarantine: QuarantineService,
    *,
    reconcile_seconds: float,
) -> Sequence[Job]:
    """Return the jobs that ask the provider on a schedule."""
    return (
        Job("payments.reconcile", reconciliation.work, reconcile_seconds, single=True),
        Job("payments.quarantine", quarantine.measure, MEASURE_SECONDS, single=True),
    )


def money_back_jobs(
    refunds: RefundService, disputes: DisputeService, walk: MoneyBackWalk, gauges: MoneyBackGauges, *, pause: float
) -> Sequence[Job]:
    """A refund that is wanted wakes its job at once; the pause is for those that are asked about."""
    return (
        Job("payments.refunds", refunds.work, pause, channel=REFUNDS_CHANNEL),
        Job("payments.disputes", disputes.work, pause),
        Job("payments.money_back_walk", walk.work, walk.every_seconds, single=True),
        Job("payments.money_back_gauges", gauges.work, MEASURE_SECONDS),
    )


def book_jobs(
    chain: ChainService, invariants: InvariantsService, *, invariants_seconds: float, anchor_seconds: float
) -> Sequence[Job]:
    """What keeps the books provable."""
    return (
        Job("payments.anchor", chain.anchor, anchor_seconds, single=True),
        Job("payments.invariants", invariants.work, invariants_seconds, single=True),
    )


def daily_jobs(kept: KeptWebhooks, walk: WalkService, walk_seconds: float) -> Sequence[Job]:
    """What is due once a day: the walk looks more often, for a day that is due."""
    return (
        Job(WALK_JOB, walk.work, walk_seconds, single=True),
        Job("payments.tidy_webhooks", kept.tidy, DAY_SECONDS, single=True),
    )
