"""An API key that gives refunds has a daily limit."""

import sqlalchemy as sa
from alembic import op

revision = "0006_refund_limits"
down_revision = "0005_work"


def upgrade() -> None:
    column = sa.Column("daily_refund_minor", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("api_keys", column, schema="auth")
