"""Payments, webhooks, the ledger with its walls, and the kit's tables."""

from alembic import op
from whatsinvoice_kit.data.migrations import create_kit_tables, notify_on_insert

revision = "0001_first"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE payments.payments (
        id text CONSTRAINT pk_payments PRIMARY KEY,
        business_id text NOT NULL,
        invoice_id text NOT NULL,
        number integer NOT NULL,
        reference text NOT NULL CONSTRAINT uq_payments_reference UNIQUE,
        status text NOT NULL,
        currency text NOT NULL,
        asked_minor bigint NOT NULL CONSTRAINT ck_payments_asked CHECK (asked_minor > 0),
        settled_minor bigint CONSTRAINT ck_payments_settled CHECK (settled_minor > 0),
        fees_minor bigint NOT NULL DEFAULT 0 CONSTRAINT ck_payments_fees CHECK (fees_minor >= 0),
        channel text NOT NULL DEFAULT '',
        authorization_url text NOT NULL DEFAULT '',
        access_code text NOT NULL DEFAULT '',
        reason text NOT NULL DEFAULT '',
        opening_until timestamptz NOT NULL,
        next_check_at timestamptz,
        paid_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version bigint NOT NULL DEFAULT 1,
        CONSTRAINT uq_payments_invoice_id_number UNIQUE (invoice_id, number),
        CONSTRAINT ck_payments_succeeded CHECK ((status = 'succeeded') = (settled_minor IS NOT NULL))
    )
    """,
    "CREATE INDEX ix_payments_business_id_id ON payments.payments (business_id, id)",
    "CREATE INDEX ix_payments_business_id_invoice_id_id ON payments.payments (business_id, invoice_id, id)",
    """
    CREATE INDEX ix_payments_next_check_at ON payments.payments (next_check_at) WHERE next_check_at IS NOT NULL
    """,
    """
    CREATE TABLE payments.webhookevent (
        id text CONSTRAINT pk_webhookevent PRIMARY KEY,
        provider text NOT NULL,
        event text NOT NULL,
        natural_id text NOT NULL,
        body_hash bytea NOT NULL,
        body bytea NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        processed_at timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        outcome text NOT NULL DEFAULT '',
        error text NOT NULL DEFAULT '',
        CONSTRAINT uq_webhookevent_provider_event_natural_id_body_hash UNIQUE (provider, event, natural_id, body_hash)
    )
    """,
    """
    CREATE INDEX ix_webhookevent_next_attempt_at ON payments.webhookevent (next_attempt_at)
        WHERE processed_at IS NULL
    """,
    """
    CREATE TABLE payments.ledger_entries (
        id text CONSTRAINT pk_ledger_entries PRIMARY KEY,
        business_id text NOT NULL,
        entry_set_id text NOT NULL,
        purpose text NOT NULL,
        account text NOT NULL CONSTRAINT ck_ledger_entries_account CHECK (account IN (
            'paystack_clearing', 'bank', 'cash', 'receivable', 'customer_credit', 'fees', 'refunds', 'disputes'
        )),
        currency text NOT NULL,
        amount_minor bigint NOT NULL CONSTRAINT ck_ledger_entries_amount CHECK (amount_minor <> 0),
        payment_id text NOT NULL,
        invoice_id text NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT uq_ledger_entries_payment_id_purpose_account UNIQUE (payment_id, purpose, account)
    )
    """,
    "CREATE INDEX ix_ledger_entries_business_id_id ON payments.ledger_entries (business_id, id)",
    "CREATE INDEX ix_ledger_entries_entry_set_id ON payments.ledger_entries (entry_set_id)",
    """
    CREATE FUNCTION payments.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger_entries
        FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change()
    """,
    """
    CREATE FUNCTION payments.check_entry_set() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM payments.ledger_entries WHERE entry_set_id = NEW.entry_set_id
            HAVING sum(amount_minor) <> 0 OR count(DISTINCT (business_id, currency)) <> 1
        ) THEN
            RAISE EXCEPTION 'entry set % does not balance', NEW.entry_set_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON payments.ledger_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments.check_entry_set()
    """,
)


def upgrade() -> None:
    create_kit_tables("payments")
    for statement in STATEMENTS:
        op.execute(statement)
    notify_on_insert("payments", "webhookevent")
