"""Alembic's entry; all of it is the kit's."""

from whatsinvoice_kit.data.migrations import run_env
from whatsinvoice_notifications.models import METADATA

run_env(METADATA)
