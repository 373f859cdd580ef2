"""Add the queue of work and the events that wait for others."""

from whatsinvoice_kit.data.migrations import create_work_tables

revision = "0005_work"
down_revision = "0004_verifications"


def upgrade() -> None:
    create_work_tables("auth")
