"""Every table with a business in it shows the rows of one business."""

from whatsinvoice_kit.data.migrations import show_one_business

revision = "0002_row_security"
down_revision = "0001_first"


def upgrade() -> None:
    show_one_business("payments", payments="business_id", ledger_entries="business_id")
