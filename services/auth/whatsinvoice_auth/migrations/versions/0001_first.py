"""Users, businesses, members, codes, sessions, and the kit's tables."""

from alembic import op
from whatsinvoice_kit.data.migrations import create_kit_tables

revision = "0001_first"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE auth.users (
        id text CONSTRAINT pk_users PRIMARY KEY,
        phone text NOT NULL CONSTRAINT uq_users_phone UNIQUE,
        name text NOT NULL,
        email text NOT NULL DEFAULT '',
        password_hash text NOT NULL,
        phone_verified boolean NOT NULL DEFAULT false,
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE auth.businesses (
        id text CONSTRAINT pk_businesses PRIMARY KEY,
        name text NOT NULL,
        country text NOT NULL,
        currency text NOT NULL,
        time_zone text NOT NULL,
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE auth.members (
        id text CONSTRAINT pk_members PRIMARY KEY,
        business_id text NOT NULL
            CONSTRAINT fk_members_business_id REFERENCES auth.businesses (id) ON DELETE CASCADE,
        user_id text NOT NULL CONSTRAINT fk_members_user_id REFERENCES auth.users (id) ON DELETE CASCADE,
        role text NOT NULL,
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE UNIQUE INDEX uq_members_business_id_user_id ON auth.members (business_id, user_id)",
    "CREATE INDEX ix_members_user_id ON auth.members (user_id)",
    """
    CREATE TABLE auth.codes (
        id text CONSTRAINT pk_codes PRIMARY KEY,
        user_id text NOT NULL CONSTRAINT uq_codes_user_id UNIQUE
            CONSTRAINT fk_codes_user_id REFERENCES auth.users (id) ON DELETE CASCADE,
        tries integer NOT NULL DEFAULT 0,
        expires_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE auth.sessions (
        id text CONSTRAINT pk_sessions PRIMARY KEY,
        user_id text NOT NULL CONSTRAINT fk_sessions_user_id REFERENCES auth.users (id) ON DELETE CASCADE,
        business_id text NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE INDEX ix_sessions_user_id ON auth.sessions (user_id)",
    """
    CREATE TABLE auth.refresh_tokens (
        token_hash bytea CONSTRAINT pk_refresh_tokens PRIMARY KEY,
        session_id text NOT NULL
            CONSTRAINT fk_refresh_tokens_session_id REFERENCES auth.sessions (id) ON DELETE CASCADE,
        device_id text NOT NULL DEFAULT '',
        spent_at timestamptz
    )
    """,
    "CREATE INDEX ix_refresh_tokens_session_id ON auth.refresh_tokens (session_id)",
)


def upgrade() -> None:
    create_kit_tables("auth")
    for statement in STATEMENTS:
        op.execute(statement)
