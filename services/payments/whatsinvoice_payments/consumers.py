"""The background work of payments: stored webhooks, and the provider asked about attempts that are not over."""

from collections.abc import Sequence

from whatsinvoice_kit.data.jobs import Job

from whatsinvoice_payments.service.reconciliation import ReconciliationService
from whatsinvoice_payments.service.webhooks import WebhookService

RETRY_SECONDS = 1.0


def jobs(webhooks: WebhookService, reconciliation: ReconciliationService, reconcile_seconds: float) -> Sequence[Job]:
    """A stored webhook wakes its job at once; the pause is for those that are tried again."""
    return (
        Job("payments.webhooks", webhooks.work, RETRY_SECONDS, channel="payments_webhookevent"),
        Job("payments.reconcile", reconciliation.work, reconcile_seconds, single=True),
    )
