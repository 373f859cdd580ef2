"""Who took a payment, the provider or the merchant herself, and what she noted of it."""

import sqlalchemy as sa
from alembic import op

revision = "0004_manual_money"
down_revision = "0003_traces"


def upgrade() -> None:
    for name, before in (("provider", "paystack"), ("note", "")):
        column = sa.Column(name, sa.Text, nullable=False, server_default=before)
        op.add_column("payments", column, schema="payments")
