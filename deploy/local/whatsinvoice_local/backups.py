"""Backups of a stack of this machine, and the drill: another stack, empty at first, started on what was saved."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyrage
from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.catalogue import Catalogue
from whatsinvoice_backup.documents import Document
from whatsinvoice_backup.drill import drill
from whatsinvoice_backup.failures import BackupError
from whatsinvoice_backup.manifest import Manifest, Signer
from whatsinvoice_backup.retention import prune
from whatsinvoice_backup.saving import save
from whatsinvoice_backup.settings import Settings
from whatsinvoice_kit.data.provision import DATABASE
from whatsinvoice_kit.storage import ObjectStore

from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.backing.accounts import unprivileged_account
from whatsinvoice_local.backing.postgres_programs import postgres_bin
from whatsinvoice_local.fill import fill, render_documents
from whatsinvoice_local.generated import redis_passwords
from whatsinvoice_local.parts import SERVICES
from whatsinvoice_local.resources import ObjectStorage, Resources, start_resources
from whatsinvoice_local.stack import Stack
from whatsinvoice_local.state import State

TARGET = "whatsinvoice-backups"
_RENDERED = 2_000
"""Documents in a filled stack: customers open few links of old invoices, and each takes 10 ms to render."""


@dataclass(frozen=True)
class Backups:
    """Of one stack, in a second bucket of its store."""

    settings: Settings
    catalogue: Catalogue

    def save(self) -> Manifest:
        """One more, and those that are old go; raises BackupError."""
        source = self.settings.source()
        try:
            manifest = save(self.settings, self.catalogue, source)
        finally:
            source.close()
        prune(self.catalogue, self.settings)
        return manifest


@contextmanager
def backups_of(state: State) -> Iterator[Backups]:
    """Of a stack that is up; raises BackupError when it is not."""
    if not state.env:
        raise BackupError("the stack is down: `make up` starts it")
    settings = Settings(**backup_settings(state))
    _bucket(state.env["S3_ENDPOINT"], state.env["S3_ACCESS_KEY"], state.env["S3_SECRET_KEY"], TARGET)
    target = settings.target()
    try:
        yield Backups(settings, Catalogue(target, Signer(settings.manifest_keys.get_secret_value())))
    finally:
        target.close()


def backup_settings(state: State) -> dict[str, Any]:
    """Return the settings of backups of this stack, each a text."""
    env, secrets = state.env, state.secrets()
    identity = secrets["BACKUP_IDENTITIES"]
    embedded = state.process("postgres") is not None
    values: dict[str, Any] = {
        "database_url": env["BACKUP_DATABASE_URL"],
        "recipients": str(pyrage.x25519.Identity.from_str(identity).to_public()),
        "identities": identity,
        "manifest_keys": secrets["BACKUP_MANIFEST_KEYS"],
        "pg_programs": str(postgres_bin(unprivileged_account())) if embedded else "",
        "target_bucket": TARGET,
    }
    for name in ("endpoint", "access_key", "secret_key"):
        values[f"s3_{name}"] = values[f"target_{name}"] = env[f"S3_{name.upper()}"]
    return values


def _bucket(endpoint: str, access_key: str, secret_key: str, name: str) -> None:
    access = {"access_key": access_key, "secret_key": secret_key}
    store = ObjectStore(endpoint=endpoint, region="us-east-1", bucket=name, **access)
    store.ensure_bucket()
    store.close()


def filled_drill(invoices: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Starts a stack of its own, fills it, saves it, and gives the result of the drill."""
    with _empty_stack(say) as stack:
        stack.up()
        env = stack.state.env
        admin_url = env["DATABASE_URL"].rpartition("/")[0] + f"/{DATABASE}"
        fill(admin_url, invoices)
        render_documents(admin_url, env["GATEWAY_URL"], min(_RENDERED, invoices // 10))
        say(f"filled with {invoices} invoices")
        with backups_of(stack.state) as backups, psycopg.connect(admin_url) as admin:
            [size] = admin.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
            say(f"saved as {backups.save().name}")
            return {"database_bytes": size, **restore_drill(backups, say)}


@contextmanager
def _empty_stack(say: Callable[[str], None]) -> Iterator[Stack]:
    """One of its own in a folder of its own, stopped and deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-drill-"))
    folder.chmod(0o755)  # the account that Postgres runs under must reach it
    stack = Stack(folder, given={}, preferred={}, say=say)
    stack.state.make_homes()
    try:
        yield stack
    finally:
        stack.down()
        discard_postgres(stack.state.home("postgres"))
        shutil.rmtree(folder)


def restore_drill(backups: Backups, say: Callable[[str], None], name: str = "") -> dict[str, Any]:
    """Restores into servers of its own, starts every service on them, reads through the gateway; gives the result."""
    with _empty_stack(say) as stack:
        resources = start_resources(stack.state.folder / "parts", {}, redis_passwords(stack.state.secrets()))
        with _place(backups.settings, resources) as (settings, place):
            return drill(
                settings,
                backups.catalogue,
                place,
                name=name,
                passwords=_passwords(stack.state.secrets()),
                use=lambda manifest: _use(stack, resources, backups.catalogue, manifest),
            )


def _passwords(secrets: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Those that the stack's services will come with."""
    return {
        service: (
            secrets[f"{service.upper()}_DATABASE_PASSWORD"],
            secrets[f"{service.upper()}_OWNER_DATABASE_PASSWORD"],
        )
        for service in SERVICES
    }


@contextmanager
def _place(settings: Settings, resources: Resources) -> Iterator[tuple[Settings, Bucket]]:
    storage: ObjectStorage = resources.storage
    _bucket(storage.endpoint, storage.access_key, storage.secret_key, storage.bucket)
    values = settings.model_dump() | {
        "database_url": resources.database_url,
        "s3_endpoint": storage.endpoint,
        "s3_bucket": storage.bucket,
        "s3_access_key": storage.access_key,
        "s3_secret_key": storage.secret_key,
        "pg_programs": str(postgres_bin(unprivileged_account())),
    }
    there = Settings(**values)
    place = there.source()
    try:
        yield there, place
    finally:
        place.close()


def _use(stack: Stack, resources: Resources, catalogue: Catalogue, manifest: Manifest) -> dict[str, Any]:
    """Every service starts on what was restored; a customer's link and a kept document are read as customers do."""
    stack.up()
    admin_url = resources.database_url.rpartition("/")[0] + f"/{DATABASE}"
    with psycopg.connect(admin_url) as admin, catalogue.documents(manifest) as documents:
        page = admin.execute(
            "SELECT token, number FROM invoices.invoices WHERE status IN ('open', 'paid') ORDER BY id DESC LIMIT 1"
        ).fetchone()
        kept = _kept_document(admin, documents)
    with httpx.Client(base_url=stack.state.env["GATEWAY_URL"], timeout=30, trust_env=False) as client:
        if page and page[1] not in client.get(f"/i/{page[0]}").raise_for_status().text:
            raise BackupError(f"the page of {page[1]} does not show it")
        if kept:
            content = client.get(f"/i/{kept[0]}/pdf").raise_for_status().content
            if hashlib.sha256(content).hexdigest() != kept[1]:
                raise BackupError("the gateway gives another document than was saved")
    return {"read_page_of": page[1] if page else "", "read_document": bool(kept)}


def _kept_document(admin: "psycopg.Connection[Any]", documents: Iterable[Document]) -> tuple[str, str] | None:
    """Token and SHA-256 of an invoice whose document, as it now stands, was saved."""
    for document in documents:
        _, invoice_id, file = document.key.split("/")
        row = admin.execute(
            "SELECT token FROM invoices.invoices WHERE id = %s AND version || '.pdf' = %s", [invoice_id, file]
        ).fetchone()
        if row:
            return row[0], document.sealed.sha256
    return None
