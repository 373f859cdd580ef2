"""The backups that a bucket holds: which are whole, what they say, and which may go."""

import gzip
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from os import SEEK_END
from typing import Any

from whatsinvoice_backup import documents
from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.documents import Document, read_list
from whatsinvoice_backup.failures import RefusedError
from whatsinvoice_backup.manifest import FOLDER, HEADS, Manifest, Signer, key_of
from whatsinvoice_backup.sealing import Sealed, open_file_sha256, require, sha256

DRILLS = "drills"
_COPIED = "copied-"
_NAME = "%Y%m%dT%H%M%SZ"


def moment_of(name: str) -> datetime:
    """When a backup of that name was begun; ValueError for a name that is none."""
    return datetime.strptime(name.partition("-")[0], _NAME).replace(tzinfo=UTC)


def name_at(moment: datetime, suffix: str) -> str:
    """Sorts by time, to the microsecond; the suffix is for two that begin at once."""
    return f"{moment.strftime(_NAME)}-{moment:%f}{suffix}"


@dataclass(frozen=True, slots=True)
class Listing:
    """`good` have a manifest of ours, newest first; `unfinished` have none, `refused` one that is not ours."""

    good: list[Manifest]
    unfinished: list[str]
    refused: dict[str, str]
    """Name -> reason."""


class Catalogue:
    """`folder` is for lists while they are read; the machine's own where none is named."""

    def __init__(self, target: Bucket, signer: Signer, folder: str = "") -> None:
        self.target = target
        self.signer = signer
        self.folder = folder

    def listing(self) -> Listing:
        found = Listing([], [], {})
        for name in reversed(self.target.folders(f"{FOLDER}/")):
            try:
                text = self.target.get(key_of(name))
                if text is None:
                    found.unfinished.append(name)
                else:
                    found.good.append(self.signer.manifest(name, text))
            except RefusedError as error:
                found.refused[name] = str(error)
        return found

    def manifest(self, name: str = "") -> Manifest:
        """Of the named backup, else of the newest; RefusedError when there is none, or it is not ours."""
        if not name:
            good = self.listing().good
            if not good:
                raise RefusedError("there is no backup")
            return good[0]
        text = self.target.get(key_of(name))
        if text is None:
            raise RefusedError(f"there is no backup {name}, or it was never finished")
        return self.signer.manifest(name, text)

    @contextmanager
    def documents(self, manifest: Manifest) -> Iterator[Iterator[Document]]:
        """Of a backup's list, one after the other; RefusedError, before the first, when that is not what was saved."""
        key = key_of(manifest.name, documents.LIST)
        with tempfile.TemporaryFile(dir=self.folder or None) as file:
            if not self.target.download(key, file):
                raise RefusedError(f"{key} is missing")
            require(key, file.seek(0, SEEK_END), open_file_sha256(file), manifest.objects_list)
            yield read_list(file)

    def note_copied(self, name: str, number: int, copied: list[Document]) -> None:
        """Writes down what a backup that is being made has copied, for the next one if this one does not end.

        It is signed: whoever can write into the bucket can encrypt as well, and must not put a document of theirs in
        the place of one of ours.
        """
        body = {"kind": "copied", "backup": name, "documents": [asdict(document) for document in copied]}
        self.target.put(key_of(name, f"{_COPIED}{number:06}"), self.signer.signed(body))

    def copied(self, name: str) -> Iterator[Document]:
        """What `note_copied` wrote; RefusedError for what is not ours as it stands."""
        for key in self.target.sizes(key_of(name, _COPIED)):
            body = self.signer.document(key, self.target.get(key) or b"")
            if (body.get("kind"), body.get("backup")) != ("copied", name):
                raise RefusedError(f"{key} is not what was noted there")
            for fields in body["documents"]:
                yield Document(**(fields | {"sealed": Sealed(**fields["sealed"])}))

    def forget_copied(self, name: str) -> None:
        self.target.delete(self.target.sizes(key_of(name, _COPIED)))

    def heads(self, manifest: Manifest) -> str:
        """Where the ledger's chains ended, a line for each; RefusedError when that is not what was saved."""
        key = key_of(manifest.name, HEADS)
        content = self.target.get(key)
        if content is None:
            raise RefusedError(f"{key} is missing")
        require(key, len(content), sha256(content), manifest.heads_list)
        return gzip.decompress(content).decode()

    def write_drill(self, name: str, result: dict[str, Any]) -> None:
        self.target.put(f"{DRILLS}/{name}", self.signer.signed({"kind": "drill", **result}))

    def last_drills(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The last one, and the last that went well; RefusedError for one that is not ours."""
        last: dict[str, Any] | None = None
        for key in sorted(self.target.sizes(f"{DRILLS}/"), reverse=True):
            result = self.signer.document(key, self.target.get(key) or b"")
            last = last or result
            if result["ok"]:
                return last, result
        return last, None


def to_keep(names: Iterable[str], now: datetime, *, hours: int, daily: int, weekly: int, monthly: int) -> set[str]:
    """Those of the last hours, and the newest of each of the last days, weeks and months that have one.

    The newest of all is always among them, however old it is.
    """
    newest_first = {name: moment_of(name) for name in sorted(names, reverse=True)}
    kept = {name for name, moment in newest_first.items() if now - moment < timedelta(hours=hours)}
    for count, form in ((daily, "%Y-%m-%d"), (weekly, "%G-%V"), (monthly, "%Y-%m")):
        periods: dict[str, str] = {}
        for name, moment in newest_first.items():
            periods.setdefault(moment.strftime(form), name)
        kept |= set(list(periods.values())[:count])
    return kept
