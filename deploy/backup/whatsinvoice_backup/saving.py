"""Making a backup: a snapshot, dumps of it, the documents, and the manifest when all of it is there."""

import gzip
import secrets
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import structlog

from whatsinvoice_backup import documents
from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.catalogue import Catalogue, name_at
from whatsinvoice_backup.contents import Server, read_contents, read_heads, snapshots
from whatsinvoice_backup.documents import Document
from whatsinvoice_backup.manifest import FORMAT, HEADS, Manifest, key_of
from whatsinvoice_backup.programs import Programs
from whatsinvoice_backup.sealing import Sealed, Sealer, sha256
from whatsinvoice_backup.settings import Settings

log = structlog.get_logger(__name__)

_AT_ONCE = 2
"""Dumps at a time: each is one processor of the server and one of ours."""


def dump_file(service: str) -> str:
    """Its name within a backup."""
    return f"{service}.dump.age"


def save(settings: Settings, catalogue: Catalogue, source: Bucket) -> Manifest:
    """Makes one backup.

    Raises:
        BackupError: it could not be made; there is no manifest then, and so no backup.
    """
    begun = time.monotonic()
    programs, sealer = Programs(settings.pg_programs), Sealer(settings.recipients)
    with snapshots(settings.addresses()) as (moment, servers):
        name = name_at(moment, secrets.token_hex(3))
        for server in servers:
            programs.require(server.connection.info.server_version)
        with (
            tempfile.TemporaryDirectory(dir=settings.work_folder or None) as folder,
            ThreadPoolExecutor(_AT_ONCE) as threads,
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
    found, new = documents.mirror(source, catalogue.target, sealer, _known(catalogue))
    listed = documents.written_list(found)
    catalogue.target.put(key_of(name, documents.LIST), listed)
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
        objects_list=_as_it_is(listed),
        objects=len(found),
        objects_bytes=sum(document.sealed.size for document in found),
        objects_new=new,
        heads_list=_as_it_is(heads),
    )
    catalogue.target.put(key_of(name), catalogue.signer.signed_manifest(manifest))
    log.info("backup made", backup=name, seconds=manifest.seconds, bytes=manifest.size, new_objects=new)
    return manifest


def _as_it_is(content: bytes) -> Sealed:
    return Sealed(len(content), sha256(content), len(content), sha256(content))


def _dump(
    programs: Programs, sealer: Sealer, server: Server, service: str, folder: Path, target: Bucket, name: str
) -> Sealed:
    file = folder / dump_file(service)
    with file.open("wb") as out, programs.dump(server.url, service, server.snapshot) as plain:
        sealed = sealer.stream(plain, out)
    target.upload(file, key_of(name, file.name))
    file.unlink()
    return sealed


def _known(catalogue: Catalogue) -> list[Document]:
    """The documents of the last backup, which need not be copied again."""
    good = catalogue.listing().good
    return catalogue.documents(good[0]) if good else []
