"""Count per business and day what is written to phones of others."""

from whatsinvoice_kit.data.migrations import create_daily_counts

revision = "0007_daily_counts"
down_revision = "0006_work"


def upgrade() -> None:
    create_daily_counts("invoices")
