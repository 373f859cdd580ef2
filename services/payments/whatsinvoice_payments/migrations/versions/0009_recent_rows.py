"""What has changed lately is found by an index: the minute job looks at it."""

from whatsinvoice_kit.data.migrations import create_index_concurrently

revision = "0009_recent_rows"
down_revision = "0008_chain"


def upgrade() -> None:
    create_index_concurrently("ix_payments_updated_at", "payments.payments (updated_at)")
