"""The background work of payments: stored webhooks, refunds on their way, and the provider asked about what goes on.

What payments hears: businesses, from auth.
"""

from collections.abc import Sequence

from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, BusinessRegistered
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Subscription

from whatsinvoice_payments.domain.bank_account import Business
from whatsinvoice_payments.repository.payouts import put_business
from whatsinvoice_payments.repository.refunds import CHANNEL as REFUNDS_CHANNEL
from whatsinvoice_payments.service.disputes import DisputeService
from whatsinvoice_payments.service.money_back_gauges import MoneyBackGauges
from whatsinvoice_payments.service.money_back_walk import MoneyBackWalk
from whatsinvoice_payments.service.payouts import PayoutService
from whatsinvoice_payments.service.reconciliation import ReconciliationService
from whatsinvoice_payments.service.refunds import RefundService
from whatsinvoice_payments.service.webhooks import WebhookService

LONGEST_PAUSE = 1.0
GAUGE_SECONDS = 60.0


async def on_business_told(tx: Transaction, event: BusinessRegistered | BusinessChanged) -> None:
    """Keeps what payments needs of a business."""
    told = event.business
    business = Business(told.id, told.name, told.country, told.currency_code, event.aggregate_version)
    await put_business(tx, business)


def subscriptions() -> list[Subscription]:
    """Stream by stream."""
    heard = {BusinessRegistered: on_business_told, BusinessChanged: on_business_told}
    return [Subscription("whatsinvoice.auth.v1", heard)]


def jobs(
    webhooks: WebhookService,
    reconciliation: ReconciliationService,
    payouts: PayoutService,
    *,
    retry_seconds: float,
    reconcile_seconds: float,
    payout_seconds: float,
) -> Sequence[Job]:
    """A stored webhook wakes its job at once; the pause is for those that are tried again."""
    pause = min(retry_seconds, LONGEST_PAUSE)
    return (
        Job("payments.webhooks", webhooks.work, pause, channel="payments_webhookevent"),
        Job("payments.reconcile", reconciliation.work, reconcile_seconds, single=True),
        Job("payments.payouts", payouts.work, payout_seconds, single=True),
    )


def money_back_jobs(
    refunds: RefundService, disputes: DisputeService, walk: MoneyBackWalk, gauges: MoneyBackGauges, *, pause: float
) -> Sequence[Job]:
    """A refund that is wanted wakes its job at once; the pause is for those that are asked about."""
    return (
        Job("payments.refunds", refunds.work, pause, channel=REFUNDS_CHANNEL),
        Job("payments.disputes", disputes.work, pause),
        Job("payments.money_back_walk", walk.work, walk.every_seconds, single=True),
        Job("payments.money_back_gauges", gauges.work, GAUGE_SECONDS),
    )
