"""A code is asked for when it is sent, so none is kept; the chat acts for the place that a person chose."""

from alembic import op
from whatsinvoice_kit.data.migrations import show_one_business

revision = "0004_codes_and_places"
down_revision = "0003_traces"

STATEMENTS = (
    "ALTER TABLE notifications.messages DROP COLUMN sealed",
    "ALTER TABLE notifications.messages ADD COLUMN verification_id text NOT NULL DEFAULT ''",
    """
    CREATE TABLE notifications.chosen_places (
        user_id text CONSTRAINT pk_chosen_places PRIMARY KEY,
        business_id text NOT NULL,
        version bigint NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    show_one_business("notifications", chosen_places="business_id")
