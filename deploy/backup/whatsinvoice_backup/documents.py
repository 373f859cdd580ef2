"""The documents' mirror: each version of each object once, encrypted, under `objects/`; and the list of them."""

import gzip
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from whatsinvoice_backup.bucket import Bucket, Version
from whatsinvoice_backup.failures import BackupError, RefusedError
from whatsinvoice_backup.sealing import Opener, Sealed, Sealer, sha256

FOLDER = "objects"
LIST = "objects.jsonl.gz"
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Document:
    """One version of an object. In a list those of one key stand oldest first: the last is the current one."""

    key: str
    version: str
    content_type: str
    sealed: Sealed

    @property
    def stored(self) -> str:
        """Its key in the bucket of backups."""
        return f"{FOLDER}/{self.key}/{self.version}"


def mirror(source: Bucket, target: Bucket, sealer: Sealer, known: Iterable[Document]) -> tuple[list[Document], int]:
    """Copies the versions that are not `known`; gives all that the source has, oldest first, and how many were new."""
    before = {(document.key, document.version): document for document in known}
    found = list(source.versions())
    missing = [version for version in found if (version.key, version.id) not in before]
    with ThreadPoolExecutor(_THREADS) as threads:
        copied = {
            (document.key, document.version): document
            for document in threads.map(lambda version: _copy(source, target, sealer, version), missing)
        }
    return [(before | copied)[version.key, version.id] for version in reversed(found)], len(copied)


def _copy(source: Bucket, target: Bucket, sealer: Sealer, version: Version) -> Document:
    found = source.get_version(version.key, version.id)
    if found is None:
        raise BackupError(f"{version.key} vanished while it was saved")
    content, kind = found
    sealed, measures = sealer.content(content)
    document = Document(version.key, version.id, kind, measures)
    target.put(document.stored, sealed)
    return document


def written_list(documents: Iterable[Document]) -> bytes:
    """Gzipped JSON lines; the same documents give the same bytes."""
    lines = "".join(json.dumps(asdict(document), sort_keys=True) + "\n" for document in documents)
    return gzip.compress(lines.encode(), compresslevel=6, mtime=0)


def read_list(content: bytes) -> Iterator[Document]:
    """Of a list whose hash was compared."""
    for line in gzip.decompress(content).splitlines():
        fields: dict[str, Any] = json.loads(line)
        yield Document(**(fields | {"sealed": Sealed(**fields["sealed"])}))


def opened(target: Bucket, opener: Opener, document: Document) -> bytes:
    """Its content; RefusedError when it is missing or is not what was saved."""
    sealed = target.get(document.stored)
    if sealed is None:
        raise RefusedError(f"{document.stored} is missing")
    return opener.content(document.stored, sealed, document.sealed)


def put_back(target: Bucket, opener: Opener, documents: list[Document], place: Bucket | None) -> None:
    """Opens every version and puts it into the empty bucket, if there is one.

    Those of one key come oldest first, so that the newest is the current one.

    Raises:
        RefusedError: one is missing, or is not what was saved.
    """
    by_key: dict[str, list[Document]] = {}
    for document in documents:
        by_key.setdefault(document.key, []).append(document)

    def restore(versions: list[Document]) -> None:
        for document in versions:
            content = opened(target, opener, document)
            if place is not None:
                place.put(document.key, content, document.content_type)

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(restore, by_key.values()))


def differences(place: Bucket, documents: list[Document]) -> list[str]:
    """What a bucket's current objects hold other than the newest versions of the list."""
    newest = {document.key: document for document in documents}
    strangers = [f"{key} was never saved" for key in place.sizes("").keys() - newest.keys()]

    def compare(document: Document) -> str:
        content = place.get(document.key)
        if content is None:
            return f"{document.key} is missing"
        return "" if sha256(content) == document.sealed.sha256 else f"{document.key} has other content"

    with ThreadPoolExecutor(_THREADS) as threads:
        return sorted(strangers) + [found for found in threads.map(compare, newest.values()) if found]
