"""Where merchants' money goes, and the accounts that the provider opens for payers."""

from alembic import op
from whatsinvoice_kit.data.migrations import show_one_business

revision = "0005_bank_accounts"
down_revision = "0004_manual_money"

STATEMENTS = (
    """
    CREATE TABLE payments.businesses (
        id text CONSTRAINT pk_businesses PRIMARY KEY,
        name text NOT NULL,
        country text NOT NULL,
        currency text NOT NULL,
        version bigint NOT NULL
    )
    """,
    """
    CREATE TABLE payments.payout_accounts (
        id text CONSTRAINT pk_payout_accounts PRIMARY KEY,
        business_id text NOT NULL,
        status text NOT NULL,
        bank_code text NOT NULL,
        bank_name text NOT NULL,
        account_number text NOT NULL,
        account_name text NOT NULL,
        currency text NOT NULL,
        subaccount_code text NOT NULL DEFAULT '',
        active_from timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE INDEX ix_payout_accounts_business_id ON payments.payout_accounts (business_id)",
    """
    CREATE UNIQUE INDEX uq_payout_accounts_active ON payments.payout_accounts (business_id)
    WHERE status = 'active'
    """,
    """
    CREATE UNIQUE INDEX uq_payout_accounts_coming ON payments.payout_accounts (business_id)
    WHERE status IN ('pending', 'activating')
    """,
    """
    CREATE TABLE payments.transfer_accounts (
        payment_id text CONSTRAINT pk_transfer_accounts PRIMARY KEY,
        business_id text NOT NULL,
        bank_name text NOT NULL,
        account_number text NOT NULL,
        account_name text NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE payments.virtual_accounts (
        id text CONSTRAINT pk_virtual_accounts PRIMARY KEY,
        business_id text NOT NULL,
        customer_id text NOT NULL CONSTRAINT uq_virtual_accounts_customer_id UNIQUE,
        customer_code text NOT NULL CONSTRAINT uq_virtual_accounts_customer_code UNIQUE,
        bank_name text NOT NULL,
        account_number text NOT NULL CONSTRAINT uq_virtual_accounts_account_number UNIQUE,
        account_name text NOT NULL,
        currency text NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    show_one_business(
        "payments",
        businesses="id",
        payout_accounts="business_id",
        transfer_accounts="business_id",
        virtual_accounts="business_id",
    )
