"""Every table with a business in it shows the rows of one business."""

from whatsinvoice_kit.data.migrations import show_one_business

revision = "0003_row_security"
down_revision = "0002_identity"


def upgrade() -> None:
    show_one_business("auth", businesses="id", members="business_id", sessions="business_id", api_keys="business_id")
