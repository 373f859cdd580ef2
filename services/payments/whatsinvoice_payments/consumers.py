"""The background work of payments: stored webhooks, and the provider asked about attempts that are not over.

What payments hears: businesses, from auth.
"""

from collections.abc import Sequence

from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, BusinessRegistered
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.inbox import Subscription

from whatsinvoice_payments.domain.bank_account import Business
from whatsinvoice_payments.repository.payouts import put_business
from whatsinvoice_payments.service.kept_webhooks import KeptWebhooks
from whatsinvoice_payments.service.payouts import PayoutService
from whatsinvoice_payments.service.quarantine import QuarantineService
from whatsinvoice_payments.service.reconciliation import ReconciliationService
from whatsinvoice_payments.service.walk import WALK_JOB, WalkService
from whatsinvoice_payments.service.webhooks import WebhookService

LONGEST_PAUSE = 1.0
DAY_SECONDS = 86_400.0
MEASURE_SECONDS = 60.0


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
    quarantine: QuarantineService,
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
        Job("payments.quarantine", quarantine.measure, MEASURE_SECONDS, single=True),
    )


def daily_jobs(kept: KeptWebhooks, walk: WalkService, walk_seconds: float) -> Sequence[Job]:
    """What is due once a day: the walk looks more often, for a day that is due."""
    return (
        Job(WALK_JOB, walk.work, walk_seconds, single=True),
        Job("payments.tidy_webhooks", kept.tidy, DAY_SECONDS, single=True),
    )
