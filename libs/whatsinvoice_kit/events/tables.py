"""The tables that the kit brings into every service's schema."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import MetaData, Table

from whatsinvoice_kit.data.idempotency import idempotency_table
from whatsinvoice_kit.events.outbox import inbox_table, outbox_table, relay_state_table
from whatsinvoice_kit.events.waiting import waiting_table
from whatsinvoice_kit.queue.work import work_table


@dataclass(frozen=True, slots=True)
class KitTables:
    """Made once in a service's models.py; the migration makes them with `create_kit_tables`."""

    outbox: Table
    relay_state: Table
    inbox: Table
    idempotency: Table
    work: Table
    waiting: Table

    @classmethod
    def of(cls, metadata: MetaData) -> Self:
        """Adds the tables to a service's metadata."""
        return cls(
            outbox_table(metadata),
            relay_state_table(metadata),
            inbox_table(metadata),
            idempotency_table(metadata),
            work_table(metadata),
            waiting_table(metadata),
        )
