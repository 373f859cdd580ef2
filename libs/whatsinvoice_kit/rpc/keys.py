"""Keys that change while a process runs: taken anew from their file when it changes, each signing from its own time.

A key may say `signs_from` (seconds since 1970, absent: since ever). Published before that time and kept after it, it is
known to every verifier whenever it signs: see docs/decisions/0011 and whatsinvoice_kit.rotate_keys, which writes such.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, Self, TypeVar

import structlog

from whatsinvoice_kit.rpc.tokens import Jwk, parse_key_sets

log = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0
"""How soon a process sees that a file of keys changed."""
_PRIVATE = {"kid", "x", "y", "d"}
T = TypeVar("T")
_Mark = tuple[int, int, int]


class Reread(Generic[T]):
    """What a text means, and then what its file means whenever that changes; a file that means nothing changes nothing.

    `parse` raises ValueError for such. Without a file the text stands.
    """

    def __init__(self, parse: Callable[[str], T], first: T, file: Path | None, check_seconds: float) -> None:
        self._parse = parse
        self._latest = first
        self._file = file
        self._check_seconds = check_seconds
        self._mark: _Mark | None = None
        self._next_look = 0.0

    def current(self) -> T:
        if self._file is not None and (moment := time.monotonic()) >= self._next_look:
            self._next_look = moment + self._check_seconds
            self._look(self._file)
        return self._latest

    def _look(self, file: Path) -> None:
        try:
            stat = file.stat()
            mark = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if mark == self._mark:
                return
            self._mark = mark  # before reading: what is written meanwhile is seen by the next look
            self._latest = self._parse(file.read_text())
        except (OSError, ValueError) as error:
            log.warning("a file of keys is refused", file=file.name, error=type(error).__name__)


def parse_signing_keys(text: str) -> tuple[Jwk, ...]:
    """A private JWK, or a JSON list of such; raises ValueError when it is neither."""
    try:
        found = json.loads(text)
        keys = tuple(found if isinstance(found, list) else [found])
        usable = bool(keys) and all(set(key) >= _PRIVATE and type(starts(key)) is int for key in keys)
    except (ValueError, TypeError, AttributeError):
        usable = False
    if not usable:
        raise ValueError("no private key, and no JSON list of such")
    return keys


def starts(key: Jwk) -> int:
    """From when a key signs, in seconds since 1970."""
    moment: int = key.get("signs_from", 0)
    return moment


def newest_first(keys: Sequence[Jwk]) -> list[Jwk]:
    """By the time from which they sign, those with the same time as they are named."""
    return sorted(keys, key=starts, reverse=True)


def signing_key(keys: Sequence[Jwk], moment: float) -> Jwk:
    """The key that signs now: of those whose time has come the latest; the earliest when it has come for none."""
    ordered = newest_first(keys)
    return next((key for key in ordered if starts(key) <= moment), ordered[-1])


class SigningKeys:
    """One issuer's private keys: the one that signs now, and the others whose public half is known before and after."""

    def __init__(self, text: str, file: Path | None = None, *, check_seconds: float = CHECK_SECONDS) -> None:
        first = parse_signing_keys(text) if text else ()
        self._keys = Reread(parse_signing_keys, first, file, check_seconds)

    @classmethod
    def of(cls, *keys: Jwk) -> Self:
        return cls(json.dumps(keys))

    def current(self) -> Jwk:
        """The key to sign with; LookupError when the process was given none."""
        return signing_key(self._keys.current(), time.time())

    def all(self) -> Sequence[Jwk]:
        """All of them, private halves included."""
        return self._keys.current()


class TrustedKeys(Mapping[str, Mapping[str, Jwk]]):
    """issuer -> kid -> public key, as TRUSTED_KEYS or its file says now."""

    def __init__(self, text: str, file: Path | None = None, *, check_seconds: float = CHECK_SECONDS) -> None:
        self._sets = Reread(parse_key_sets, parse_key_sets(text), file, check_seconds)

    def __getitem__(self, issuer: str) -> Mapping[str, Jwk]:
        return self._sets.current()[issuer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets.current())

    def __len__(self) -> int:
        return len(self._sets.current())
