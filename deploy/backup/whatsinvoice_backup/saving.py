"""Making a backup: a snapshot, dumps of it, the documents, and the manifest when all of it is there."""

import gzip
import secrets
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import count
from pathlib import Path

import structlog

from whatsinvoice_backup import documents
from whatsinvoice_backup.bucket import FILES, Bucket
from whatsinvoice_backup.catalogue import Catalogue, name_at
from whatsinvoice_backup.contents import Server, alone, read_contents, read_heads, snapshots
from whatsinvoice_backup.documents import Document, Mirrored
from whatsinvoice_backup.failures import RefusedError
from whatsinvoice_backup.index import Index, an_index
from whatsinvoice_backup.manifest import FORMAT, HEADS, Manifest, key_of
from whatsinvoice_backup.programs import Programs
from whatsinvoice_backup.sealing import Sealed, Sealer, file_sha256, sha256
from whatsinvoice_backup.settings import Settings

log = structlog.get_logger(__name__)


def dump_file(service: str) -> str:
    """Its name within a backup."""
    return f"{service}.dump.age"


def save(settings: Settings, catalogue: Catalogue, source: Bucket) -> Manifest:
    """Makes one backup.

    Raises:
        BackupError: it could not be made; there is no manifest then, and so no backup.
    """
    with alone(next(iter(settings.addresses().values()))):
        return _save(settings, catalogue, source)


def _save(settings: Settings, catalogue: Catalogue, source: Bucket) -> Manifest:
    begun = time.monotonic()
    programs, sealer = Programs(settings.pg_programs), Sealer(settings.recipients)
    with snapshots(settings.addresses()) as (moment, servers):
        name = name_at(moment, secrets.token_hex(3))
        for server in servers:
            programs.require(server.connection.info.server_version)
        with (
            tempfile.TemporaryDirectory(dir=settings.work_folder or None) as folder,
            # each dump is one processor of the server and one of ours
            ThreadPoolExecutor(FILES) as threads,
        ):
            writing = {
                service: threads.submit(_dump, programs, sealer, server, service, Path(folder), catalogue.target, name)
                for server in servers
                for service in server.services
            }
            contents = read_contents(servers)
            heads = gzip.compress(read_heads(servers), compresslevel=6, mtime=0)
            dumps = {service: dump.result() for service, dump in writing.items()}
        moments = [server.services for server in servers]
        versions = {
            "server": str(servers[0].connection.info.server_version),
            "pg_dump": programs.version(),
            "whatsinvoice-backup": version("whatsinvoice-backup"),
        }
    log.info("databases saved", backup=name, seconds=round(time.monotonic() - begun, 1))
    mirrored, listed = _mirror(catalogue, source, sealer, name)
    catalogue.target.put(key_of(name, HEADS), heads)
    manifest = Manifest(
        format=FORMAT,
        name=name,
        created_at=moment.isoformat(),
        seconds=round(time.monotonic() - begun, 3),
        versions=versions,
        recipients=sealer.names,
        moments=moments,
        contents=contents,
        dumps=dumps,
        objects_list=listed,
        objects=mirrored.objects,
        objects_bytes=mirrored.size,
        objects_new=mirrored.new,
        heads_list=_as_it_is(len(heads), sha256(heads)),
    )
    catalogue.target.put(key_of(name), catalogue.signer.signed_manifest(manifest))
    catalogue.forget_copied(name)
    log.info("backup made", backup=name, seconds=manifest.seconds, bytes=manifest.size, new_objects=mirrored.new)
    return manifest


def _as_it_is(size: int, digest: str) -> Sealed:
    return Sealed(size, digest, size, digest)


def _dump(
    programs: Programs, sealer: Sealer, server: Server, service: str, folder: Path, target: Bucket, name: str
) -> Sealed:
    file = folder / dump_file(service)
    with file.open("wb") as out, programs.dump(server.url, service, server.snapshot) as plain:
        sealed = sealer.stream(plain, out)
    target.upload(file, key_of(name, file.name))
    file.unlink()
    return sealed


def _mirror(catalogue: Catalogue, source: Bucket, sealer: Sealer, name: str) -> tuple[Mirrored, Sealed]:
    """Copies the documents that are new, and gives what there is and the list of it, which lies in the bucket then."""
    numbers = count(1)
    with (
        tempfile.TemporaryDirectory(dir=catalogue.folder or None) as folder,
        an_index(catalogue.folder) as known,
    ):
        _learn(catalogue, known)
        file = Path(folder) / documents.LIST
        with file.open("wb") as out:
            mirrored = documents.mirror(
                source,
                catalogue.target,
                sealer,
                known,
                out,
                lambda copied: catalogue.note_copied(name, next(numbers), copied),
            )
        catalogue.target.upload(file, key_of(name, documents.LIST))
        return mirrored, _as_it_is(file.stat().st_size, file_sha256(file))


def _learn(catalogue: Catalogue, known: Index) -> None:
    """What need not be copied again: named by the last backup or by one that did not end, and there in its size."""
    listing = catalogue.listing()
    with an_index(catalogue.folder) as there:
        there.add((key, str(size)) for key, size in catalogue.target.listed(f"{documents.FOLDER}/"))

        def add(found: Iterable[Document]) -> None:
            known.add(
                (document.stored, documents.line_of(document))
                for document in found
                if there.get(document.stored) == str(document.sealed.sealed_size)
            )

        for manifest in listing.good[:1]:
            with catalogue.documents(manifest) as found:
                add(found)
        for name in listing.unfinished:
            try:
                add(catalogue.copied(name))
            except RefusedError as error:
                log.warning("what was copied is copied again", backup=name, reason=str(error))
