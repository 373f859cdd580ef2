"""Prefixed, sortable ids: `inv_01k…`, a UUIDv7 (RFC 9562) in Crockford's base 32, lower case."""

import os
import re
import time
import uuid

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FORM = re.compile(r"[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}")


def uuid7() -> uuid.UUID:
    """A version 7 UUID: 48 bits of milliseconds, then 74 random bits."""
    random = int.from_bytes(os.urandom(10), "big")
    value = (time.time_ns() // 1_000_000) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def new_id(prefix: str) -> str:
    """A fresh id such as `inv_01k9z…`: the prefix, an underscore and 26 characters."""
    value = uuid7().int
    return prefix + "_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def is_id(prefix: str, text: str) -> bool:
    """Whether the text has the form of an id with this prefix; says nothing of its existence."""
    return text.startswith(prefix + "_") and _FORM.fullmatch(text) is not None
