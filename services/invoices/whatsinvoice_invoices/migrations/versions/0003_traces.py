"""An invoice remembers the trace that it was made in."""

import sqlalchemy as sa
from alembic import op

revision = "0003_traces"
down_revision = "0002_row_security"


def upgrade() -> None:
    column = sa.Column("traceparent", sa.Text, nullable=False, server_default="")
    op.add_column("invoices", column, schema="invoices")
