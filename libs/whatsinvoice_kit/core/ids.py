"""Prefixed, sortable ids: `inv_01k…`, a UUIDv7 (RFC 9562) in Crockford's base 32, lower case."""

import re
import secrets
import threading
import time
import uuid

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FORM = re.compile(r"[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}")


class _Sequence:
    """122 bits that only grow within this process: milliseconds, then chance (RFC 9562 section 6.2, method 2).

    Two rows of one transaction often share their millisecond; sorted by id they must stand in the order they were made.
    """

    def __init__(self) -> None:
        self._last = 0
        self._guard = threading.Lock()

    def following(self) -> int:
        fresh = (time.time_ns() // 1_000_000) << 74 | secrets.randbits(74)
        with self._guard:
            self._last = fresh if fresh > self._last else self._last + 1 + secrets.randbits(48)
            return self._last


_SEQUENCE = _Sequence()


def uuid7() -> uuid.UUID:
    """A version 7 UUID: 48 bits of milliseconds, then 74 random bits; greater than the last one of this process."""
    bits = _SEQUENCE.following()
    return uuid.UUID(int=bits >> 74 << 80 | 0x7 << 76 | (bits >> 62 & 0xFFF) << 64 | 0x2 << 62 | bits & (1 << 62) - 1)


def new_id(prefix: str) -> str:
    """A fresh id such as `inv_01k9z…`: the prefix, an underscore and 26 characters."""
    value = uuid7().int
    return prefix + "_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def is_id(prefix: str, text: str) -> bool:
    """Whether the text has the form of an id with this prefix; says nothing of its existence."""
    return text.startswith(prefix + "_") and _FORM.fullmatch(text) is not None
