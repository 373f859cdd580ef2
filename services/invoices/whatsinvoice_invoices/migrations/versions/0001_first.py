"""Businesses, customers, invoices, receipts, timeline, and the kit's tables."""

from alembic import op
from whatsinvoice_kit.data.migrations import create_kit_tables

revision = "0001_first"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE invoices.businesses (
        id text CONSTRAINT pk_businesses PRIMARY KEY,
        name text NOT NULL,
        country text NOT NULL,
        currency text NOT NULL,
        time_zone text NOT NULL,
        phone text NOT NULL,
        version bigint NOT NULL
    )
    """,
    """
    CREATE TABLE invoices.counters (
        business_id text,
        kind text,
        last bigint NOT NULL,
        CONSTRAINT pk_counters PRIMARY KEY (business_id, kind)
    )
    """,
    """
    CREATE TABLE invoices.customers (
        id text CONSTRAINT pk_customers PRIMARY KEY,
        business_id text NOT NULL,
        name text NOT NULL,
        phone text NOT NULL DEFAULT '',
        email text NOT NULL DEFAULT '',
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_customers_business_id_id ON invoices.customers (business_id, id)",
    """
    CREATE UNIQUE INDEX uq_customers_business_id_phone ON invoices.customers (business_id, phone)
    WHERE phone <> ''
    """,
    """
    CREATE TABLE invoices.invoices (
        id text CONSTRAINT pk_invoices PRIMARY KEY,
        business_id text NOT NULL,
        customer_id text NOT NULL CONSTRAINT fk_invoices_customer_id REFERENCES invoices.customers (id),
        customer jsonb NOT NULL,
        status text NOT NULL,
        number text,
        token text,
        currency text NOT NULL,
        lines jsonb NOT NULL,
        subtotal_minor bigint NOT NULL,
        discount_minor bigint NOT NULL,
        tax_minor bigint NOT NULL,
        total_minor bigint NOT NULL,
        amount_paid_minor bigint NOT NULL DEFAULT 0,
        prices_include_tax boolean NOT NULL,
        terms jsonb NOT NULL,
        issue_date date,
        due_date date,
        notes text NOT NULL DEFAULT '',
        reference text NOT NULL DEFAULT '',
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        issued_at timestamptz,
        paid_at timestamptz,
        CONSTRAINT ck_invoices_totals CHECK (subtotal_minor - discount_minor + tax_minor = total_minor),
        CONSTRAINT ck_invoices_paid CHECK (amount_paid_minor BETWEEN 0 AND total_minor)
    )
    """,
    "CREATE INDEX ix_invoices_business_id_id ON invoices.invoices (business_id, id)",
    "CREATE INDEX ix_invoices_business_id_customer_id_id ON invoices.invoices (business_id, customer_id, id)",
    "CREATE INDEX ix_invoices_business_id_status_id ON invoices.invoices (business_id, status, id)",
    "CREATE UNIQUE INDEX uq_invoices_business_id_number ON invoices.invoices (business_id, number)",
    "CREATE UNIQUE INDEX uq_invoices_token ON invoices.invoices (token)",
    """
    CREATE TABLE invoices.receipts (
        id text CONSTRAINT pk_receipts PRIMARY KEY,
        business_id text NOT NULL,
        invoice_id text NOT NULL CONSTRAINT fk_receipts_invoice_id REFERENCES invoices.invoices (id),
        invoice_number text NOT NULL,
        number text NOT NULL,
        token text NOT NULL CONSTRAINT uq_receipts_token UNIQUE,
        payment_id text NOT NULL CONSTRAINT uq_receipts_payment_id UNIQUE,
        amount_minor bigint NOT NULL,
        credit_minor bigint NOT NULL,
        currency text NOT NULL,
        channel text NOT NULL,
        reference text NOT NULL,
        paid_at timestamptz NOT NULL,
        amount_due_minor bigint NOT NULL
    )
    """,
    "CREATE INDEX ix_receipts_invoice_id ON invoices.receipts (invoice_id)",
    "CREATE UNIQUE INDEX uq_receipts_business_id_number ON invoices.receipts (business_id, number)",
    """
    CREATE TABLE invoices.timeline (
        id text CONSTRAINT pk_timeline PRIMARY KEY,
        business_id text NOT NULL,
        invoice_id text NOT NULL,
        kind text NOT NULL,
        occurred_at timestamptz NOT NULL,
        details jsonb NOT NULL
    )
    """,
    "CREATE INDEX ix_timeline_business_id_invoice_id_id ON invoices.timeline (business_id, invoice_id, id)",
)


def upgrade() -> None:
    create_kit_tables("invoices")
    for statement in STATEMENTS:
        op.execute(statement)
