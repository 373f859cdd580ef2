"""SQL or a Python prompt inside a service, with its settings, unit of work and repository; read-only unless asked.

The prompt names its values at the start: `run` waits for a coroutine, `rows` returns what a statement selects.
"""

import asyncio
import code
import importlib
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from sqlalchemy import Executable, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.runtime import ServiceSpec, SettingsT

Result = TypeVar("Result")
WIDEST = 60
"""Characters of a value that a table shows."""


def run_sql(spec: ServiceSpec[SettingsT], settings: SettingsT, sql: str, *, write: bool) -> int:
    """Run one statement and print its rows as a table. Return 1, with the database's own words, when it fails."""
    engine = _engine(spec, settings, write=write)
    try:
        sys.stdout.write(asyncio.run(_run_statement(UnitOfWork(engine, spec.tables.outbox, across=True), sql)))
    except DBAPIError as error:
        sys.stderr.write(f"{str(error.orig).strip()}\n")
        if "read-only transaction" in str(error.orig):
            sys.stderr.write("the console is read-only: WRITE=1 (--write) allows changes\n")
        return 1
    return 0


async def _run_statement(unit_of_work: UnitOfWork, sql: str) -> str:
    try:
        async with unit_of_work.begin() as tx:
            result = await tx.execute(text(sql.replace(":", "\\:")))
            if not result.returns_rows:
                return f"{result.rowcount} rows changed\n"
            return as_table(tuple(result.keys()), [tuple(row) for row in result])
    finally:
        await unit_of_work.engine.dispose()


def as_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under their titles, aligned, and their count."""
    lines = [list(titles), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{line.rstrip()}\n" for line in padded) + f"({len(rows)} rows)\n"


def _cell(value: object) -> str:
    shown = "-" if value is None else " ".join(str(value).split())
    return shown if len(shown) <= WIDEST else f"{shown[: WIDEST - 1]}…"


def _engine(spec: ServiceSpec[SettingsT], settings: SettingsT, *, write: bool) -> AsyncEngine:
    url = settings.database_url.get_secret_value()
    engine = make_engine(url, pool_size=2, application=f"{spec.package}.console")
    if not write:
        event.listen(engine.sync_engine, "connect", _read_only)
    return engine


def console(spec: ServiceSpec[SettingsT], settings: SettingsT, *, write: bool) -> None:
    """Read from standard input until its end. With `write` transactions may change rows, as the service's role may."""
    engine = _engine(spec, settings, write=write)
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
