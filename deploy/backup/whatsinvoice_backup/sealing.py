"""Encryption with age (age-encryption.org/v1): who saves holds public keys alone; `age --decrypt` opens it too."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyrage

from whatsinvoice_backup.failures import RefusedError


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file before and after encryption: sizes in bytes, hashes as lower-case hex of SHA-256."""

    size: int
    sha256: str
    sealed_size: int
    sealed_sha256: str


class _Counted:
    """A stream that is measured while it goes by."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        return self._count(self._inner.read(size))

    def write(self, content: bytes) -> int:
        self._count(content)
        return self._inner.write(content)

    def flush(self) -> None:
        self._inner.flush()

    def _count(self, content: bytes) -> bytes:
        self._digest.update(content)
        self.size += len(content)
        return content


class Sealer:
    """Encrypts for the owners of some public keys."""

    def __init__(self, recipients: str) -> None:
        self.names = recipients.split()
        self._recipients = [pyrage.x25519.Recipient.from_str(name) for name in self.names]

    def stream(self, plain: IO[bytes], sealed: IO[bytes]) -> Sealed:
        """To its end; what was open is never on a disk."""
        before, after = _Counted(plain), _Counted(sealed)
        pyrage.encrypt_io(before, after, self._recipients)
        return Sealed(before.size, before.sha256, after.size, after.sha256)

    def content(self, plain: bytes) -> tuple[bytes, Sealed]:
        sealed = bytes(pyrage.encrypt(plain, self._recipients))
        return sealed, Sealed(len(plain), sha256(plain), len(sealed), sha256(sealed))


class Opener:
    """Opens what was sealed for one of its keys.

    Every method raises RefusedError for what is not the file that `expected` describes, and names the reason.
    """

    def __init__(self, identities: str) -> None:
        self._identities: Sequence[object] = [
            pyrage.x25519.Identity.from_str(identity) for identity in identities.split()
        ]

    def file(self, name: str, sealed: Path, plain: Path, expected: Sealed) -> None:
        """Writes `plain`, for its owner alone to read."""
        self._need_keys()
        require(name, sealed.stat().st_size, file_sha256(sealed), expected)
        plain.touch(0o600)
        with sealed.open("rb") as before, plain.open("wb") as inner:
            after = _Counted(inner)
            try:
                pyrage.decrypt_io(before, after, self._identities)
            except (pyrage.DecryptError, OSError) as error:
                raise RefusedError(f"{name} cannot be opened: {error}") from error
        if after.sha256 != expected.sha256:
            raise RefusedError(f"{name} opens to other content than was saved")

    def content(self, name: str, sealed: bytes, expected: Sealed) -> bytes:
        self._need_keys()
        require(name, len(sealed), sha256(sealed), expected)
        try:
            plain = bytes(pyrage.decrypt(sealed, self._identities))
        except (pyrage.DecryptError, OSError) as error:
            raise RefusedError(f"{name} cannot be opened: {error}") from error
        if sha256(plain) != expected.sha256:
            raise RefusedError(f"{name} opens to other content than was saved")
        return plain

    def _need_keys(self) -> None:
        if not self._identities:
            raise RefusedError("no private key is given: IDENTITIES is empty")


def require(name: str, size: int, digest: str, expected: Sealed) -> None:
    """Raises RefusedError when a sealed file is not the one that was saved."""
    if size != expected.sealed_size:
        raise RefusedError(f"{name} has {size} bytes where {expected.sealed_size} were saved")
    if digest != expected.sealed_sha256:
        raise RefusedError(f"{name} is not what was saved: its SHA-256 differs from the manifest's")


def sha256(content: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(file: Path) -> str:
    """Lower-case hex."""
    with file.open("rb") as content:
        return open_file_sha256(content)


def open_file_sha256(file: IO[bytes]) -> str:
    """Of all of it, as lower-case hex; it stands at its beginning again."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # any binary file will do
    file.seek(0)
    return digest
