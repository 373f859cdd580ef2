"""Add the queue of work and the events that wait for others."""

from whatsinvoice_kit.data.migrations import create_work_tables

revision = "0006_work"
down_revision = "0005_money_told"


def upgrade() -> None:
    create_work_tables("invoices")
