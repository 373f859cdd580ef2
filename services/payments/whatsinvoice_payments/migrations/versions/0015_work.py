"""Add the queue of work, which stored webhooks wait in, and the events that wait for others."""

from alembic import op
from whatsinvoice_kit.data.migrations import create_work_tables

revision = "0015_work"
down_revision = "0014_intents"


def upgrade() -> None:
    create_work_tables("payments")
    for statement in (
        "DROP TRIGGER notify ON payments.webhookevent",
        "DROP FUNCTION payments.notify_webhookevent",
        "ALTER TABLE payments.webhookevent DROP COLUMN attempts, DROP COLUMN next_attempt_at, DROP COLUMN traceparent",
    ):
        op.execute(statement)
