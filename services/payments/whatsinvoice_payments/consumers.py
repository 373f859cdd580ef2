"""The background work of payments: stored webhooks, and the provider asked about attempts that are not over."""

from collections.abc import Sequence

from whatsinvoice_kit.data.jobs import Job

from whatsinvoice_payments.service.reconciliation import ReconciliationService
from whatsinvoice_payments.service.webhooks import WebhookService

LONGEST_PAUSE = 1.0


def jobs(
    webhooks: WebhookService, reconciliation: ReconciliationService, *, retry_seconds: float, reconcile_seconds: float
) -> Sequence[Job]:
    """A stored webhook wakes its job at once; the pause is for those that are tried again."""
    pause = min(retry_seconds, LONGEST_PAUSE)
    return (
        Job("payments.webhooks", webhooks.work, pause, channel="payments_webhookevent"),
        Job("payments.reconcile", reconciliation.work, reconcile_seconds, single=True),
    )
