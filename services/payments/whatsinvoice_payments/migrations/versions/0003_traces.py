"""What waits in a table remembers the trace that put it there."""

import sqlalchemy as sa
from alembic import op

revision = "0003_traces"
down_revision = "0002_row_security"


def upgrade() -> None:
    for table in ("payments", "webhookevent"):
        op.add_column(table, sa.Column("traceparent", sa.Text, nullable=False, server_default=""), schema="payments")
