"""Texts by key, in a file: what there is of each document, for as many as there are, in the memory of a few thousand.

A table and not two sorted streams side by side, because stores differ in how they sort keys with slashes.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

# Nothing in it outlives the run, so there is nothing to recover.
_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    CREATE TABLE held (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
"""


class Index:
    """For one thread."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """The later of two with one key stays."""
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO held VALUES (?, ?)", pairs)

    def get(self, key: str) -> str | None:
        row = self._database.execute("SELECT text FROM held WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def remove(self, keys: Iterable[str]) -> None:
        """Those that are not there are no matter."""
        with self._database:
            self._database.executemany("DELETE FROM held WHERE key = ?", ([key] for key in keys))

    def __iter__(self) -> Iterator[str]:
        """Its keys, sorted."""
        for (key,) in self._database.execute("SELECT key FROM held ORDER BY key"):
            yield key


@contextmanager
def an_index(folder: str) -> Iterator[Index]:
    """An empty one in a folder, the machine's own where none is named; gone at the end."""
    with (
        tempfile.NamedTemporaryFile(dir=folder or None, suffix=".index") as file,
        closing(sqlite3.connect(file.name)) as database,
    ):
        database.executescript(_SCHEMA)
        yield Index(database)
