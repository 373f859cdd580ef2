"""The payments of a business in one status are found by an index: those that are held are few among very many."""

from whatsinvoice_kit.data.migrations import create_index_concurrently

revision = "0012_by_status"
down_revision = "0011_webhook_bodies"


def upgrade() -> None:
    create_index_concurrently("ix_payments_business_id_status_id", "payments.payments (business_id, status, id)")
