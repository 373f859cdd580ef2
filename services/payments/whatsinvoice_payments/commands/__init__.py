"""Commands of payments, for a person at a terminal: `python -m whatsinvoice_payments <command>`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.models import KIT_TABLES
from whatsinvoice_payments.settings import Settings


@asynccontextmanager
async def rows_of(settings: Settings) -> AsyncIterator[UnitOfWork]:
    """The service's database, as the service itself may use it."""
    url = settings.database_url.get_secret_value()
    engine = make_engine(url, pool_size=2, application="whatsinvoice_payments.command")
    try:
        yield UnitOfWork(engine, KIT_TABLES.outbox)
    finally:
        await engine.dispose()
