"""Revocations, API keys, requests for one-time codes, and what a session says of itself."""

from alembic import op
from whatsinvoice_kit.data.migrations import notify_on_insert

revision = "0002_identity"
down_revision = "0001_first"

STATEMENTS = (
    "ALTER TABLE auth.sessions ADD COLUMN user_agent text NOT NULL DEFAULT ''",
    "ALTER TABLE auth.sessions ADD COLUMN used_at timestamptz",
    """
    CREATE TABLE auth.revocations (
        sequence bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_revocations PRIMARY KEY,
        subject_id text NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE auth.api_keys (
        id text CONSTRAINT pk_api_keys PRIMARY KEY,
        business_id text NOT NULL
            CONSTRAINT fk_api_keys_business_id REFERENCES auth.businesses (id) ON DELETE CASCADE,
        user_id text NOT NULL CONSTRAINT fk_api_keys_user_id REFERENCES auth.users (id) ON DELETE CASCADE,
        name text NOT NULL,
        scopes text NOT NULL,
        key_hash bytea NOT NULL CONSTRAINT uq_api_keys_key_hash UNIQUE,
        prefix text NOT NULL,
        last4 text NOT NULL,
        created_at timestamptz NOT NULL,
        revoked_at timestamptz
    )
    """,
    "CREATE INDEX ix_api_keys_business_id ON auth.api_keys (business_id)",
    """
    CREATE TABLE auth.code_requests (
        id text CONSTRAINT pk_code_requests PRIMARY KEY,
        phone text NOT NULL,
        purpose text NOT NULL,
        requested_at timestamptz NOT NULL,
        next_attempt_at timestamptz
    )
    """,
    "CREATE INDEX ix_code_requests_phone_requested_at ON auth.code_requests (phone, requested_at)",
    "CREATE INDEX ix_code_requests_waiting ON auth.code_requests (next_attempt_at) WHERE next_attempt_at IS NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    notify_on_insert("auth", "revocations")
    notify_on_insert("auth", "code_requests")
