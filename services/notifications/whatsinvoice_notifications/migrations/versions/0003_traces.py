"""What waits in a table remembers the trace that put it there."""

import sqlalchemy as sa
from alembic import op

revision = "0003_traces"
down_revision = "0002_row_security"


def upgrade() -> None:
    for table in ("inbound_messages", "messages"):
        column = sa.Column("traceparent", sa.Text, nullable=False, server_default="")
        op.add_column(table, column, schema="notifications")
