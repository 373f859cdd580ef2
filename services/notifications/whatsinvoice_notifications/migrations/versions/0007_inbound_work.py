"""Move the retries of inbound messages from their rows to the queue of work."""

from alembic import op

revision = "0007_inbound_work"
down_revision = "0006_edits"

STATEMENTS = (
    "DROP TRIGGER notify ON notifications.inbound_messages",
    "DROP FUNCTION notifications.notify_inbound_messages()",
    "DROP INDEX notifications.ix_inbound_messages_next_attempt_at",
    "DROP INDEX notifications.ix_inbound_messages_sender",
    """
    ALTER TABLE notifications.inbound_messages
        DROP COLUMN attempts, DROP COLUMN next_attempt_at, DROP COLUMN traceparent
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
