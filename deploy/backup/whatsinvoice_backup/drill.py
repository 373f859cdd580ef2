"""The drill: restore a backup into an empty place, compare all of it with the manifest, and write down how it went."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr
from whatsinvoice_kit.data.provision import DATABASE, provision

from whatsinvoice_backup import restoring
from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.catalogue import Catalogue, name_at
from whatsinvoice_backup.failures import BackupError, RefusedError
from whatsinvoice_backup.manifest import Manifest
from whatsinvoice_backup.settings import SERVICES, Settings

SHOWN = 20
"""Differences in a result; one is as bad as a thousand."""


class Timer:
    """Seconds of named steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begun = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - begun, 3)

    def total(self) -> float:
        return round(time.monotonic() - self._begun, 3)


def drill(
    settings: Settings,
    catalogue: Catalogue,
    place: Bucket | None,
    *,
    name: str = "",
    passwords: Mapping[str, tuple[str, str]] | None = None,
    use: Callable[[Manifest], Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Restores the named backup, or the newest, and gives the result, which is also written beside the backups.

    `settings.database_url` is a superuser's on an empty server. `passwords` are those of each service's two roles,
    random ones by default. Without a `place` documents are opened and compared, and not put anywhere. `use` works with
    what was restored and gives further figures; it raises BackupError when that cannot be used.
    """
    timer, result = Timer(), dict[str, Any](ok=False, reason="", differences=[])
    try:
        with timer.step("manifest"):
            manifest = catalogue.manifest(name)
        result |= _about(manifest)
        with timer.step("provision"):
            there = _provisioned(settings, passwords or {})
        with timer.step("restore"):
            restoring.restore(there, catalogue, manifest, place)
        with timer.step("compare"):
            result["differences"] = restoring.compare(there, catalogue, manifest, place)[:SHOWN]
        if result["differences"]:
            result["reason"] = "what was restored is not what was saved"
        elif use is not None:
            with timer.step("use"):
                result |= use(manifest)
        result["ok"] = not result["differences"]
    except (BackupError, RefusedError) as error:
        result["reason"] = str(error)
    finished = datetime.now(UTC)
    result |= {"finished_at": finished.isoformat(), "steps": timer.seconds, "total_seconds": timer.total()}
    catalogue.write_drill(name_at(finished, secrets.token_hex(3)), result)
    return result


def _about(manifest: Manifest) -> dict[str, Any]:
    age = datetime.now(UTC) - datetime.fromisoformat(manifest.created_at)
    return {
        "backup": manifest.name,
        "backup_age_seconds": round(age.total_seconds()),
        "backup_seconds": manifest.seconds,
        "backup_bytes": manifest.size,
        "rows": sum(table.rows for tables in manifest.contents.tables.values() for table in tables.values()),
        "invoices": manifest.contents.tables["invoices"]["invoices"].rows,
        "ledger_entries": manifest.contents.ledger.entries,
        "ledger_chains": manifest.contents.ledger.heads,
        "documents": manifest.objects,
    }


def _provisioned(settings: Settings, passwords: Mapping[str, tuple[str, str]]) -> Settings:
    """Makes roles and schemas, and gives the same settings with the address of the database that they are in."""
    admin_url = settings.database_url.get_secret_value()
    for service in SERVICES:
        of_roles = passwords.get(service) or (secrets.token_hex(16), secrets.token_hex(16))
        provision(admin_url, service, *of_roles)
    parts = urlsplit(admin_url)
    url = urlunsplit(parts._replace(path=f"/{DATABASE}"))
    return settings.model_copy(update={"database_url": SecretStr(url), "database_urls": SecretStr("{}")})
