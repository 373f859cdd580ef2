"""What the merchant gave back, what is the customer's credit, and whether money that went back is due again."""

from alembic import op

revision = "0005_money_told"
down_revision = "0004_money_back"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE invoices.invoices
            ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0,
            ADD COLUMN credit_minor bigint NOT NULL DEFAULT 0,
            ADD CONSTRAINT ck_invoices_refunded_credit CHECK (refunded_minor >= 0 AND credit_minor >= 0)
        """
    )
    op.execute("ALTER TABLE invoices.reversals ADD COLUMN reopens boolean NOT NULL")
