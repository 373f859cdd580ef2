"""Verifications, invitations, guesses and known devices; a user exists only once the phone is proven."""

from alembic import op
from whatsinvoice_kit.data.migrations import show_one_business

revision = "0004_verifications"
down_revision = "0003_row_security"

STATEMENTS = (
    "DROP TABLE auth.codes",
    "DROP TABLE auth.code_requests",
    "DROP FUNCTION auth.notify_code_requests()",
    "ALTER TABLE auth.users DROP COLUMN phone_verified",
    "ALTER TABLE auth.users ADD COLUMN chosen_business_id text NOT NULL DEFAULT ''",
    """
    CREATE TABLE auth.verifications (
        id text CONSTRAINT pk_verifications PRIMARY KEY,
        tag text NOT NULL,
        phone text NOT NULL,
        purpose text NOT NULL,
        requested_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        sent boolean NOT NULL,
        user_id text NOT NULL,
        registration jsonb,
        tries integer NOT NULL,
        claimed boolean NOT NULL,
        ended boolean NOT NULL
    )
    """,
    "CREATE INDEX ix_verifications_phone_requested_at ON auth.verifications (phone, requested_at)",
    """
    CREATE TABLE auth.guesses (
        subject text CONSTRAINT pk_guesses PRIMARY KEY,
        failures integer NOT NULL,
        since timestamptz NOT NULL,
        paused_until timestamptz
    )
    """,
    """
    CREATE TABLE auth.known_devices (
        user_id text NOT NULL
            CONSTRAINT fk_known_devices_user_id REFERENCES auth.users (id) ON DELETE CASCADE,
        device bytea NOT NULL,
        used_at timestamptz NOT NULL,
        CONSTRAINT pk_known_devices PRIMARY KEY (user_id, device)
    )
    """,
    """
    CREATE TABLE auth.invitations (
        id text CONSTRAINT pk_invitations PRIMARY KEY,
        business_id text NOT NULL
            CONSTRAINT fk_invitations_business_id REFERENCES auth.businesses (id) ON DELETE CASCADE,
        inviter_id text NOT NULL,
        inviter_name text NOT NULL,
        phone text NOT NULL,
        name text NOT NULL,
        role text NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        outcome text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX ix_invitations_business_id_id ON auth.invitations (business_id, id)",
    "CREATE INDEX ix_invitations_phone_id ON auth.invitations (phone, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    show_one_business("auth", invitations="business_id")
