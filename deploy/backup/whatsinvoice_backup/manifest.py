"""The manifest of a backup: what is in it, by hash; signed, and written when everything else is there."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from whatsinvoice_backup.failures import RefusedError
from whatsinvoice_backup.sealing import Sealed

FORMAT = 1
FOLDER = "backups"
FILE = "manifest.signed"
HEADS = "heads.gz"


def key_of(name: str, file: str = FILE) -> str:
    """Where a file of a backup lies in the bucket."""
    return f"{FOLDER}/{name}/{file}"


@dataclass(frozen=True, slots=True)
class Table:
    """What a table holds: `checksum` is the sum of its rows' hashes, in whatever order they lie."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books at that moment: `sums` by `account currency` in minor units, `sha256` over all entries by id."""

    entries: int
    last_id: str
    sha256: str
    sums: dict[str, int]
    heads: int
    """Chains of businesses that have an end."""
    heads_sha256: str
    """Over the lines of contents.read_heads: the digest that payments' log and audit name."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in the databases; two are equal when nothing was lost and nothing changed."""

    heads: dict[str, str]
    """Service -> revision of its schema."""
    tables: dict[str, dict[str, Table]]
    """Service -> table -> what it holds."""
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Manifest:
    """Times are ISO 8601 in UTC, durations seconds, sizes bytes."""

    format: int
    name: str
    created_at: str
    """The moment of the snapshot: what was committed later is not in it."""
    seconds: float
    versions: dict[str, str]
    recipients: list[str]
    moments: list[list[str]]
    """Services whose dumps are of one moment, by server."""
    contents: Contents
    dumps: dict[str, Sealed]
    """Service -> its file, `<service>.dump.age`."""
    objects_list: Sealed
    """`objects.jsonl.gz`, which is not encrypted: it names ids and hashes."""
    objects: int
    objects_bytes: int
    objects_new: int
    heads_list: Sealed
    """`heads.gz`, which is not encrypted: it names ids and hashes."""

    @property
    def size(self) -> int:
        """Bytes of the dumps as they lie in the bucket."""
        return sum(dump.sealed_size for dump in self.dumps.values())


def parsed(body: Mapping[str, Any]) -> Manifest:
    """From JSON; KeyError or TypeError for a form that is not this format's."""
    contents = body["contents"]
    tables = {
        service: {name: Table(**table) for name, table in found.items()}
        for service, found in contents["tables"].items()
    }
    fields = dict(body) | {
        "contents": Contents(contents["heads"], tables, Ledger(**contents["ledger"])),
        "dumps": {service: Sealed(**dump) for service, dump in body["dumps"].items()},
        "objects_list": Sealed(**body["objects_list"]),
        "heads_list": Sealed(**body["heads_list"]),
    }
    return Manifest(**fields)


class Signer:
    """Signs short JSON documents with HMAC-SHA256, so that nobody else can write a manifest or a drill's result.

    A signed document is two lines: the JSON, then the signature of these very bytes. `keys` are separated by blanks;
    the first signs, all are believed.
    """

    def __init__(self, keys: str) -> None:
        self._keys = [key.encode() for key in keys.split()]

    def signed(self, document: Mapping[str, Any]) -> bytes:
        body = json.dumps(document, sort_keys=True).encode()
        return body + b"\n" + _signature(self._keys[0], body) + b"\n"

    def document(self, what: str, text: bytes) -> dict[str, Any]:
        """The JSON of a signed document; RefusedError when it is not ours as it stands."""
        body, _, signature = text.rstrip(b"\n").rpartition(b"\n")
        if not any(hmac.compare_digest(_signature(key, body), signature) for key in self._keys):
            raise RefusedError(f"{what} is not signed with our key, or was changed")
        found: dict[str, Any] = json.loads(body)
        return found

    def manifest(self, name: str, text: bytes) -> Manifest:
        """As `document`, of the backup of that name and no other."""
        body = self.document(f"the manifest of {name}", text)
        if body.get("format") != FORMAT:
            raise RefusedError(f"{name} has format {body.get('format')}, and this program reads {FORMAT}")
        if body["name"] != name:
            raise RefusedError(f"the manifest in {name} is that of {body['name']}")
        return parsed(body)

    def signed_manifest(self, manifest: Manifest) -> bytes:
        return self.signed(asdict(manifest))


def _signature(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()
