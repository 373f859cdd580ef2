"""The documents' mirror: each version of each object once, encrypted, under `objects/`; and the list of them.

Lists are read and written line by line, and nothing here grows with their length.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from typing import IO, Any

from whatsinvoice_backup.batches import batches
from whatsinvoice_backup.bucket import THREADS, Bucket, Version
from whatsinvoice_backup.failures import BackupError, RefusedError
from whatsinvoice_backup.index import Index, an_index
from whatsinvoice_backup.sealing import Opener, Sealed, Sealer, sha256

FOLDER = "objects"
LIST = "objects.jsonl.gz"
AT_ONCE = 1000
"""So many are in memory, and so many copies at most are lost with a run that ends in the middle."""


@dataclass(frozen=True, slots=True)
class Document:
    """One version of an object. Lists have those of one key together, oldest first: the last is the current one."""

    key: str
    version: str
    content_type: str
    sealed: Sealed

    @property
    def stored(self) -> str:
        """Its key in the bucket of backups."""
        return stored_as(Version(self.key, self.version))


def stored_as(version: Version) -> str:
    """The key of a version in the bucket of backups."""
    return f"{FOLDER}/{version.key}/{version.id}"


@dataclass(slots=True)
class Mirrored:
    """How many documents a list names, their bytes when opened, and how many of them were copied for it."""

    objects: int = 0
    size: int = 0
    new: int = 0


def mirror(
    source: Bucket,
    target: Bucket,
    sealer: Sealer,
    known: Index,
    listed: IO[bytes],
    copied: Callable[[list[Document]], None],
) -> Mirrored:
    """Copies the versions that are not `known`, and writes the list of all that the source has.

    `known` has the line of each document by its key in the target; `copied` is told of the copies as they are made.
    """
    done = Mirrored()
    with ThreadPoolExecutor(THREADS) as threads, gzip.GzipFile("", "wb", 6, listed, mtime=0) as out:
        for batch in batches(_oldest_first(source.versions()), AT_ONCE):
            lines = {version: known.get(stored_as(version)) for version in batch}
            missing = [version for version, line in lines.items() if line is None]
            new = list(threads.map(lambda version: _copy(source, target, sealer, version), missing))
            if new:
                copied(new)
            lines |= {version: line_of(document) for version, document in zip(missing, new, strict=True)}
            out.write("".join(f"{lines[version]}\n" for version in batch).encode())
            done.objects += len(batch)
            done.new += len(new)
            done.size += sum(read_line(lines[version] or "").sealed.size for version in batch)
    return done


def _oldest_first(versions: Iterable[Version]) -> Iterator[Version]:
    """A store lists those of one key together, newest first."""
    for _, of_key in groupby(versions, attrgetter("key")):
        yield from reversed(list(of_key))


def _copy(source: Bucket, target: Bucket, sealer: Sealer, version: Version) -> Document:
    found = source.get_version(version.key, version.id)
    if found is None:
        raise BackupError(f"{version.key} vanished while it was saved")
    content, kind = found
    sealed, measures = sealer.content(content)
    document = Document(version.key, version.id, kind, measures)
    target.put(document.stored, sealed)
    return document


def line_of(document: Document) -> str:
    """JSON; the same document gives the same line."""
    return json.dumps(asdict(document), sort_keys=True)


def read_line(line: str | bytes) -> Document:
    fields: dict[str, Any] = json.loads(line)
    return Document(**(fields | {"sealed": Sealed(**fields["sealed"])}))


def read_list(file: IO[bytes]) -> Iterator[Document]:
    """Of a list whose hash was compared: gzipped JSON lines."""
    with gzip.open(file) as lines:
        for line in lines:
            yield read_line(line)


def opened(target: Bucket, opener: Opener, document: Document) -> bytes:
    """Its content; RefusedError when it is missing or is not what was saved."""
    sealed = target.get(document.stored)
    if sealed is None:
        raise RefusedError(f"{document.stored} is missing")
    return opener.content(document.stored, sealed, document.sealed)


def put_back(target: Bucket, opener: Opener, documents: Iterable[Document], place: Bucket | None) -> int:
    """Opens every version and puts it into the bucket, if there is one; how many they were.

    Those of one key come oldest first, so that the newest is the current one.

    Raises:
        RefusedError: one is missing, or is not what was saved.
    """

    def restore(versions: list[Document]) -> int:
        for document in versions:
            content = opened(target, opener, document)
            if place is not None:
                place.put(document.key, content, document.content_type)
        return len(versions)

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(sum(threads.map(restore, batch)) for batch in batches(_by_key(documents), AT_ONCE))


def put_back_missing(target: Bucket, opener: Opener, documents: Iterable[Document], place: Bucket, folder: str) -> int:
    """As `put_back`, into a bucket in use: what has come to lie there meanwhile stays as it is."""
    with an_index(folder) as there:
        there.add((key, "") for key, _ in place.listed(""))
        return put_back(target, opener, (found for found in documents if there.get(found.key) is None), place)


def differences(place: Bucket, documents: Iterable[Document], folder: str) -> list[str]:
    """What a bucket's current objects hold other than the newest versions of the list; an index lies in the folder."""

    def compare(document: Document) -> str:
        content = place.get(document.key)
        if content is None:
            return f"{document.key} is missing"
        return "" if sha256(content) == document.sealed.sha256 else f"{document.key} has other content"

    found: list[str] = []
    with an_index(folder) as strangers, ThreadPoolExecutor(THREADS) as threads:
        strangers.add((key, "") for key, _ in place.listed(""))
        for batch in batches((versions[-1] for versions in _by_key(documents)), AT_ONCE):
            strangers.remove(document.key for document in batch)
            found += [difference for difference in threads.map(compare, batch) if difference]
        return [f"{key} was never saved" for key in strangers] + found


def _by_key(documents: Iterable[Document]) -> Iterator[list[Document]]:
    for _, versions in groupby(documents, attrgetter("key")):
        yield list(versions)
