"""A refund keeps the API key that gave it, whose refunds of a day are limited."""

import sqlalchemy as sa
from alembic import op

revision = "0016_refunds_by_keys"
down_revision = "0015_work"


def upgrade() -> None:
    op.add_column("refunds", sa.Column("api_key_id", sa.Text, nullable=False, server_default=""), schema="payments")
