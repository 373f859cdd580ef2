"""What the sandbox remembers across restarts: charges, refunds, disputes, accounts, media and the phones' chats.

One file holds all of it, because refunds and disputes share their transactions. It is written to a new file that takes
the old one's place, in the background and when the sandbox stops. Reading builds objects of this package only.
"""

import asyncio
import io
import itertools
import logging
import pickle
import time
from pathlib import Path
from typing import Any

from .world import World

_LEAST_SECONDS = 2.0
_SHARE = 50
"""Saving takes at most one part in so many of the time."""
_KEPT: dict[str, tuple[str, ...]] = {
    "customers": ("_by_email", "_by_code"),
    "transactions": ("_by_reference", "_by_access_code", "_by_id", "_by_transfer_account", "_ids"),
    "refunds": ("_by_id", "_ids"),
    "disputes": ("_by_id", "_ids", "_parts", "_awaited", "files"),
    "subaccounts": ("_by_code", "_ids"),
    "accounts": ("_by_number", "_ids"),
    "phones": ("_phones",),
    "media": ("_media", "_ids"),
    "templates": ("_known", "_ids"),
}
_OUTSIDE = {
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("datetime", "timezone"),
    ("decimal", "Decimal"),
    ("itertools", "count"),
}
_log = logging.getLogger(__name__)


class Memory:
    """The file, and the task that keeps it."""

    def __init__(self, path: Path, world: World) -> None:
        self._path = path
        self._world = world
        self._saved = b""
        self._task: asyncio.Task[None] | None = None

    def restore(self) -> None:
        """Give the world what the file holds. A file that cannot be read is set aside, and the world begins empty."""
        if not self._path.exists():
            return
        try:
            kept = _Reader(io.BytesIO(self._path.read_bytes())).load()
            for store, names in _KEPT.items():
                for name in names:
                    setattr(getattr(self._world, store), name, kept[store][name])
        except Exception:  # noqa: BLE001 - a damaged file may raise anything
            _log.exception("sandbox state not read: it is set aside")
            self._path.replace(self._path.with_suffix(".unreadable"))

    def start(self) -> None:
        """Keep saving in the running loop."""
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Save a last time."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.save()

    def save(self) -> None:
        """Write the file unless nothing changed."""
        buffer = io.BytesIO()
        world = self._world
        _Writer(buffer).dump(
            {store: {name: getattr(getattr(world, store), name) for name in names} for store, names in _KEPT.items()}
        )
        if buffer.getvalue() == self._saved:
            return
        self._saved = buffer.getvalue()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(self._saved)
        fresh.replace(self._path)

    async def _keep(self) -> None:
        wait = _LEAST_SECONDS
        while True:
            await asyncio.sleep(wait)
            started = time.monotonic()
            try:
                self.save()
            except OSError:
                _log.exception("sandbox state not saved")
            wait = max(_LEAST_SECONDS, _SHARE * (time.monotonic() - started))


class _Writer(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, itertools.count):
            return itertools.count, (int(repr(thing).removeprefix("count(").removesuffix(")")),)
        return NotImplemented


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        package = __package__ or ""
        if (module, name) in _OUTSIDE or module.startswith(f"{package}."):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not of the sandbox")
