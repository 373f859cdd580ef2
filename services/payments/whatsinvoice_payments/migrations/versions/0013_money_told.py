"""Refunds that leave the invoice paid, and credit kept beside its payment."""

from alembic import op

revision = "0013_money_told"
down_revision = "0012_by_status"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE payments.payments ADD COLUMN credit_minor bigint NOT NULL DEFAULT 0"
        " CONSTRAINT ck_payments_credit CHECK (credit_minor >= 0)"
    )
    op.execute("ALTER TABLE payments.refunds ADD COLUMN reopen boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE payments.allocations ADD COLUMN reopened boolean NOT NULL DEFAULT true")
