"""A Python prompt inside a service, with its settings, unit of work and repository; it changes nothing unless asked.

Its names are said at the start: `run` waits for a coroutine, `rows` gives what a statement selects.
"""

import asyncio
import code
import importlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import Executable, event
from sqlalchemy.ext.asyncio import AsyncEngine

from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.runtime import ServiceSpec, SettingsT

Result = TypeVar("Result")


def console(spec: ServiceSpec[SettingsT], settings: SettingsT, *, write: bool) -> None:
    """Reads from standard input until its end. With `write` transactions may change rows, as the service's role may."""
    url = settings.database_url.get_secret_value()
    engine = make_engine(url, pool_size=2, application=f"{spec.package}.console")
    if not write:
        event.listen(engine.sync_engine, "connect", _read_only)
    unit_of_work = UnitOfWork(engine, spec.tables.outbox)
    with asyncio.Runner() as loop:

        def run(work: Coroutine[Any, Any, Result]) -> Result:
            return loop.run(work)

        def rows(statement: Executable) -> list[dict[str, Any]]:
            return run(_rows(unit_of_work, statement))

        names = {
            "settings": settings,
            "models": importlib.import_module(f"{spec.package}.models"),
            "repository": importlib.import_module(f"{spec.package}.repository"),
            "unit_of_work": unit_of_work,
            "run": run,
            "rows": rows,
        }
        said = f"{spec.package} on {engine.url.host}: {', '.join(names)}\n"
        said += "changes are committed" if write else "read-only: changes are refused (--write allows them)"
        code.interact(banner=said, local=names, exitmsg="")
        run(_close(engine))


async def _rows(unit_of_work: UnitOfWork, statement: Executable) -> list[dict[str, Any]]:
    async with unit_of_work.read() as tx:
        return [dict(row) for row in (await tx.execute(statement)).mappings()]


async def _close(engine: AsyncEngine) -> None:
    await engine.dispose()


def _read_only(connection: Any, _record: Any) -> None:
    """Postgres itself refuses writes, whatever the code at the prompt does."""
    cursor = connection.cursor()
    cursor.execute("SET default_transaction_read_only = on")
    cursor.close()
    connection.commit()
