"""One open attempt per invoice and means, and where the money of each was asked to go."""

from alembic import op
from whatsinvoice_kit.data.migrations import create_index_concurrently

revision = "0014_intents"
down_revision = "0013_money_told"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE payments.payments
            ADD COLUMN IF NOT EXISTS means text NOT NULL DEFAULT '',
            ADD COLUMN IF NOT EXISTS split_subaccount text NOT NULL DEFAULT '',
            ADD COLUMN IF NOT EXISTS split_bearer text NOT NULL DEFAULT ''
        """
    )
    op.execute(
        "ALTER TABLE payments.virtual_accounts ADD COLUMN IF NOT EXISTS subaccount_code text NOT NULL DEFAULT ''"
    )
    create_index_concurrently(
        "uq_payments_open_intent",
        "payments.payments (invoice_id, means) "
        "WHERE means IN ('checkout', 'bank_transfer') AND status IN ('initialized', 'pending')",
        unique=True,
    )
