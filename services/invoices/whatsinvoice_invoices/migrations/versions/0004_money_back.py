"""Transfers that customers say they have sent, and money that went back to its payers."""

import sqlalchemy as sa
from alembic import op
from whatsinvoice_kit.data.migrations import show_one_business

revision = "0004_money_back"
down_revision = "0003_traces"

REVERSALS = """
    CREATE TABLE invoices.reversals (
        id text CONSTRAINT pk_reversals PRIMARY KEY,
        business_id text NOT NULL,
        invoice_id text NOT NULL CONSTRAINT fk_reversals_invoice_id REFERENCES invoices.invoices (id),
        payment_id text NOT NULL,
        cause text NOT NULL,
        cause_id text NOT NULL,
        amount_minor bigint NOT NULL,
        from_credit_minor bigint NOT NULL,
        from_applied_minor bigint NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT uq_reversals_payment_id_cause_id UNIQUE (payment_id, cause_id),
        CONSTRAINT ck_reversals_parts CHECK (
            from_credit_minor >= 0 AND from_applied_minor >= 0
            AND from_credit_minor + from_applied_minor <= amount_minor
        )
    )
"""


def upgrade() -> None:
    op.add_column("invoices", sa.Column("transfer_claimed_at", sa.DateTime(timezone=True)), schema="invoices")
    op.execute(REVERSALS)
    op.execute("CREATE INDEX ix_reversals_invoice_id ON invoices.reversals (invoice_id)")
    show_one_business("invoices", reversals="business_id")
