"""One open attempt per invoice and means, and where the money of each was asked to go."""

from alembic import op

revision = "0014_intents"
down_revision = "0013_money_told"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE payments.payments
            ADD COLUMN means text NOT NULL DEFAULT '',
            ADD COLUMN split_subaccount text NOT NULL DEFAULT '',
            ADD COLUMN split_bearer text NOT NULL DEFAULT ''
        """
    )
    op.execute("ALTER TABLE payments.virtual_accounts ADD COLUMN subaccount_code text NOT NULL DEFAULT ''")
    op.execute(
        """
        CREATE UNIQUE INDEX uq_payments_open_intent ON payments.payments (invoice_id, means)
        WHERE means IN ('checkout', 'bank_transfer') AND status IN ('initialized', 'pending')
        """
    )
