"""The daily walk over the provider's list: how far it has come, and where the list and our books differ."""

from alembic import op

revision = "0010_walk"
down_revision = "0009_recent_rows"

STATEMENTS = (
    """
    CREATE TABLE payments.walks (
        day date CONSTRAINT pk_walks PRIMARY KEY,
        stage text NOT NULL,
        cursor text NOT NULL DEFAULT '',
        seen integer NOT NULL DEFAULT 0,
        differences integer NOT NULL DEFAULT 0,
        rounds integer NOT NULL DEFAULT 0,
        started_at timestamptz,
        finished_at timestamptz,
        next_at timestamptz
    )
    """,
    "CREATE INDEX ix_walks_next_at ON payments.walks (next_at) WHERE next_at IS NOT NULL",
    """
    CREATE TABLE payments.walk_sightings (
        day date NOT NULL,
        reference text NOT NULL,
        CONSTRAINT pk_walk_sightings PRIMARY KEY (day, reference)
    )
    """,
    """
    CREATE TABLE payments.walk_differences (
        day date NOT NULL,
        reference text NOT NULL,
        kind text NOT NULL,
        ours_minor bigint,
        theirs_minor bigint,
        currency text NOT NULL DEFAULT '',
        detail text NOT NULL DEFAULT '',
        status text NOT NULL DEFAULT 'open',
        created_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        resolved_at timestamptz,
        CONSTRAINT pk_walk_differences PRIMARY KEY (day, reference, kind)
    )
    """,
    "CREATE INDEX ix_walk_differences_open ON payments.walk_differences (day) WHERE status = 'open'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
