"""Money that goes back, money that is held back, and what invoices says became of each payment."""

from alembic import op
from whatsinvoice_kit.data.migrations import show_one_business

revision = "0006_money_back"
down_revision = "0005_bank_accounts"

COLUMNS = (
    "ALTER TABLE payments.payments ADD COLUMN paid_minor bigint NOT NULL DEFAULT 0",
    "ALTER TABLE payments.payments ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0",
    "ALTER TABLE payments.payments ADD COLUMN held boolean NOT NULL DEFAULT false",
    # a reversed payment keeps what it had settled, so the first release's rule is too strict
    """
    ALTER TABLE payments.payments ADD CONSTRAINT ck_payments_settled_by_status
        CHECK (status IN ('succeeded', 'reversed') OR settled_minor IS NULL) NOT VALID
    """,
    """
    ALTER TABLE payments.payments ADD CONSTRAINT ck_payments_refunded
        CHECK (refunded_minor >= 0 AND refunded_minor <= greatest(paid_minor, settled_minor, 0)) NOT VALID
    """,
    """
    -- the code before keeps to it still
    -- squawk-ignore ban-drop-constraint
    ALTER TABLE payments.payments DROP CONSTRAINT ck_payments_succeeded
    """,
)
TABLES = (
    """
    CREATE TABLE payments.refunds (
        id text CONSTRAINT pk_refunds PRIMARY KEY,
        business_id text NOT NULL,
        payment_id text NOT NULL,
        invoice_id text NOT NULL,
        status text NOT NULL,
        currency text NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_refunds_amount CHECK (amount_minor > 0),
        reason text NOT NULL DEFAULT '',
        failure text NOT NULL DEFAULT '',
        provider_id text CONSTRAINT uq_refunds_provider_id UNIQUE,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        traceparent text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        ended_at timestamptz,
        version bigint NOT NULL DEFAULT 1
    )
    """,
    "CREATE INDEX ix_refunds_business_id_id ON payments.refunds (business_id, id)",
    "CREATE INDEX ix_refunds_payment_id ON payments.refunds (payment_id)",
    "CREATE INDEX ix_refunds_next_attempt_at ON payments.refunds (next_attempt_at) WHERE next_attempt_at IS NOT NULL",
    """
    CREATE TABLE payments.disputes (
        id text CONSTRAINT pk_disputes PRIMARY KEY,
        business_id text NOT NULL,
        payment_id text NOT NULL,
        invoice_id text NOT NULL,
        provider_id text NOT NULL CONSTRAINT uq_disputes_provider_id UNIQUE,
        status text NOT NULL,
        currency text NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_disputes_amount CHECK (amount_minor > 0),
        category text NOT NULL DEFAULT '',
        resolution text NOT NULL DEFAULT '',
        lost_minor bigint NOT NULL DEFAULT 0
            CONSTRAINT ck_disputes_lost CHECK (lost_minor >= 0 AND lost_minor <= amount_minor),
        answer text NOT NULL DEFAULT '',
        answer_message text NOT NULL DEFAULT '',
        due_at timestamptz,
        traceparent text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        resolved_at timestamptz,
        version bigint NOT NULL DEFAULT 1
    )
    """,
    "CREATE INDEX ix_disputes_business_id_id ON payments.disputes (business_id, id)",
    "CREATE INDEX ix_disputes_payment_id ON payments.disputes (payment_id)",
    "CREATE INDEX ix_disputes_due_at ON payments.disputes (due_at) WHERE status <> 'resolved'",
    """
    CREATE TABLE payments.quarantine (
        id text CONSTRAINT pk_quarantine PRIMARY KEY,
        kind text NOT NULL,
        reference text NOT NULL,
        payment_id text NOT NULL DEFAULT '',
        business_id text NOT NULL DEFAULT '',
        reason text NOT NULL,
        amount_minor bigint,
        currency text NOT NULL DEFAULT '',
        webhook_id text NOT NULL DEFAULT '',
        status text NOT NULL DEFAULT 'open',
        created_at timestamptz NOT NULL,
        resolved_at timestamptz,
        CONSTRAINT uq_quarantine_kind_reference_webhook_id UNIQUE (kind, reference, webhook_id)
    )
    """,
    "CREATE INDEX ix_quarantine_business_id_id ON payments.quarantine (business_id, id)",
    "CREATE INDEX ix_quarantine_open ON payments.quarantine (id) WHERE status = 'open'",
    """
    CREATE TABLE payments.allocations (
        payment_id text NOT NULL,
        cause_id text NOT NULL,
        business_id text NOT NULL,
        invoice_id text NOT NULL,
        applied_minor bigint NOT NULL,
        credit_minor bigint NOT NULL,
        currency text NOT NULL,
        invoice_total_minor bigint NOT NULL,
        invoice_paid_minor bigint NOT NULL,
        invoice_status text NOT NULL,
        invoice_version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT pk_allocations PRIMARY KEY (payment_id, cause_id)
    )
    """,
    "CREATE INDEX ix_allocations_business_id_invoice_id ON payments.allocations (business_id, invoice_id)",
)


def upgrade() -> None:
    for statement in COLUMNS + TABLES:
        op.execute(statement)
    show_one_business(
        "payments",
        refunds="business_id",
        disputes="business_id",
        quarantine="business_id",
        allocations="business_id",
    )
