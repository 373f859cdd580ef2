"""What an edit or a deletion is about, the invoice that a message led to, and the messages behind a card."""

from alembic import op

revision = "0006_edits"
down_revision = "0005_work"

STATEMENTS = (
    "ALTER TABLE notifications.inbound_messages ADD COLUMN about text NOT NULL DEFAULT ''",
    "ALTER TABLE notifications.inbound_messages ADD COLUMN invoice_id text NOT NULL DEFAULT ''",
    "CREATE INDEX ix_inbound_messages_about ON notifications.inbound_messages (about) WHERE about <> ''",
    "ALTER TABLE notifications.conversations ADD COLUMN sources jsonb NOT NULL DEFAULT '[]'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
