"""Webhooks whose bodies are still kept are found by their age."""

from whatsinvoice_kit.data.migrations import create_index_concurrently

revision = "0011_webhook_bodies"
down_revision = "0010_walk"


def upgrade() -> None:
    create_index_concurrently("ix_webhookevent_received_at", "payments.webhookevent (received_at) WHERE body <> ''")
