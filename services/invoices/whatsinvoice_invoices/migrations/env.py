"""Alembic's entry; all of it is the kit's."""

from whatsinvoice_invoices.models import METADATA
from whatsinvoice_kit.data.migrations import run_env

run_env(METADATA)
