"""Count per business and day what is written to phones of others."""

from whatsinvoice_kit.data.migrations import create_daily_counts

revision = "0017_daily_counts"
down_revision = "0016_refunds_by_keys"


def upgrade() -> None:
    create_daily_counts("payments")
