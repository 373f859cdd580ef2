"""Checking a backup, and bringing it back into an empty place: nothing is used before its hash was compared."""

import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg
from whatsinvoice_kit.data.provision import narrow, owner_of

from whatsinvoice_backup import documents
from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.catalogue import Catalogue
from whatsinvoice_backup.contents import read_contents, snapshots
from whatsinvoice_backup.failures import BackupError, RefusedError
from whatsinvoice_backup.index import an_index
from whatsinvoice_backup.manifest import Contents, Ledger, Manifest, key_of
from whatsinvoice_backup.programs import Programs
from whatsinvoice_backup.saving import dump_file
from whatsinvoice_backup.sealing import Opener, file_sha256, require
from whatsinvoice_backup.settings import SERVICES, Settings

JOBS = 2
_NOT_EMPTY = "SELECT nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ANY(%s) LIMIT 1"


def verify(catalogue: Catalogue, manifest: Manifest) -> None:
    """Downloads and hashes every file of a backup, and sees that each document is there in its size. Needs no key.

    Raises:
        RefusedError: it is not whole; the reason names the file.
    """
    with tempfile.TemporaryDirectory(dir=catalogue.folder or None) as folder:
        for service, dump in manifest.dumps.items():
            key, file = key_of(manifest.name, dump_file(service)), Path(folder) / service
            _download(catalogue.target, key, file)
            require(key, file.stat().st_size, file_sha256(file), dump)
            file.unlink()
    catalogue.heads(manifest)
    with an_index(catalogue.folder) as there, catalogue.documents(manifest) as found:
        there.add((key, str(size)) for key, size in catalogue.target.listed(f"{documents.FOLDER}/"))
        for document in found:
            size = there.get(document.stored)
            if size is None:
                raise RefusedError(f"{document.stored} is missing")
            require(document.stored, int(size), document.sealed.sealed_sha256, document.sealed)


def restore(settings: Settings, catalogue: Catalogue, manifest: Manifest, place: Bucket | None) -> None:
    """Fills the empty schemas at DATABASE_URL, which `provision` has made, and the empty bucket `place`.

    Without a place documents are opened and put nowhere.

    Raises:
        RefusedError: the backup is not whole or not ours. BackupError: the place is not empty, or Postgres refused.
    """
    if place and next(place.listed(""), None):
        raise BackupError(f"the bucket {place.name} is not empty; a backup is restored into an empty place")
    with catalogue.documents(manifest) as found:
        restore_databases(settings, catalogue, manifest)
        documents.put_back(catalogue.target, _opener(settings), found, place)


def restore_databases(settings: Settings, catalogue: Catalogue, manifest: Manifest) -> None:
    """The schemas alone, with which services can be used: a document that is missing is rendered when it is asked for.

    Raises as `restore` does.
    """
    addresses = settings.addresses()
    _require_empty(addresses)
    programs, opener = Programs(settings.pg_programs), _opener(settings)
    with tempfile.TemporaryDirectory(dir=settings.work_folder or None) as folder:
        for service in SERVICES:
            plain = _opened(catalogue.target, opener, manifest, service, Path(folder))
            programs.restore(addresses[service], service, owner_of(service), plain, JOBS)
            plain.unlink()
            with psycopg.connect(addresses[service], autocommit=True) as admin:
                narrow(admin, service)
    for url in dict.fromkeys(addresses.values()):
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("ANALYZE")


def restore_documents(settings: Settings, catalogue: Catalogue, manifest: Manifest, place: Bucket) -> int:
    """The documents that the bucket lacks, also while it is in use, and again after a run that broke off; how many.

    Raises as `restore` does.
    """
    with catalogue.documents(manifest) as found:
        return documents.put_back_missing(catalogue.target, _opener(settings), found, place, catalogue.folder)


def _opener(settings: Settings) -> Opener:
    return Opener(settings.identities.get_secret_value())


def compare(settings: Settings, catalogue: Catalogue, manifest: Manifest, place: Bucket | None) -> list[str]:
    """What is there other than the manifest says: rows, checksums, revisions, the ledger, documents. Empty is good."""
    with snapshots(settings.addresses()) as (_, servers):
        found = read_contents(servers)
    different = _differences(manifest.contents, found)
    if place is not None:
        with catalogue.documents(manifest) as listed:
            different += documents.differences(place, listed, catalogue.folder)
    return different


def _differences(expected: Contents, found: Contents) -> list[str]:
    different = [
        f"{service} is at {found.heads[service]} and was at {head}"
        for service, head in expected.heads.items()
        if found.heads[service] != head
    ]
    for service, tables in expected.tables.items():
        for name, table in tables.items():
            there = found.tables[service].get(name)
            if there is None:
                different.append(f"{service}.{name} is missing")
            elif there.rows != table.rows:
                different.append(f"{service}.{name} has {there.rows} rows and had {table.rows}")
            elif there != table:
                different.append(f"{service}.{name} has as many rows and another checksum")
    return [*different, *_of_ledgers(expected.ledger, found.ledger)]


def _of_ledgers(expected: Ledger, found: Ledger) -> list[str]:
    """Return how the ledgers differ: in entries and anchors, in the ends of chains."""
    different = []
    if replace(found, heads=expected.heads, heads_sha256=expected.heads_sha256) != expected:
        different.append(f"the ledger has {found.entries} entries, of {expected.entries}, and other anchors")
    if expected.heads_sha256 != found.heads_sha256:
        different.append(f"the ledger has {found.heads} chains, of {expected.heads}, and other ends")
    return different


def _opened(target: Bucket, opener: Opener, manifest: Manifest, service: str, folder: Path) -> Path:
    key, sealed, plain = key_of(manifest.name, dump_file(service)), folder / "sealed", folder / "plain"
    _download(target, key, sealed)
    opener.file(key, sealed, plain, manifest.dumps[service])
    sealed.unlink()
    return plain


def _download(target: Bucket, key: str, file: Path) -> None:
    with file.open("wb") as out:
        if not target.download(key, out):
            raise RefusedError(f"{key} is missing")


def _require_empty(addresses: dict[str, str]) -> None:
    for url in dict.fromkeys(addresses.values()):
        with psycopg.connect(url) as connection:
            if row := connection.execute(_NOT_EMPTY, [list(SERVICES)]).fetchone():
                raise BackupError(f"the schema {row[0]} is not empty; a backup is restored into an empty place")
