"""What makes a secret too weak for production: missing, short, guessable, in the wrong place."""

import json
import re
from urllib.parse import unquote, urlsplit

from whatsinvoice_kit.rpc.keys import parse_signing_keys
from whatsinvoice_kit.rpc.tokens import parse_key_sets

MIN_SECRET = 16
MIN_DISTINCT = 6
_SHIPPED = re.compile(
    r"change.?me|default|example|password|placeholder|sandbox|secret|minioadmin|qwerty|1234567|abcdefg", re.IGNORECASE
)
"""Of examples, manuals and our own sandbox. A random text of forty characters holds one once in ten million."""


def weakness_of(text: str, *, address: bool, least: int = MIN_SECRET) -> str:
    """The end of a sentence that begins with the secret's name; empty when it will do.

    Of an address its password is judged. JSON holds keys, which have rules of their own. `least` is in characters.
    """
    if address:
        try:
            parts = urlsplit(text)
            password = unquote(parts.password or "")
        except ValueError:
            return " is no address"
        if not parts.scheme or not parts.netloc:
            return " is no address"
        return "'s password" + weak if (weak := _weak(password)) else "" if password else " has no password"
    return "" if text.startswith(("{", "[")) else _weak(text, least)


def _weak(text: str, least: int = MIN_SECRET) -> str:
    if 0 < len(text) < least:
        return f" is shorter than {least} characters"
    if text and (_SHIPPED.search(text) or len(set(text)) < MIN_DISTINCT):
        return " is a default or easily guessed"
    return ""


def fault_of_service_key(text: str) -> str:
    """As weakness_of, for a private key as a JWK, or a list of such."""
    if not text:
        return " is missing"
    try:
        parse_signing_keys(text)
    except ValueError:
        return " is no private key"
    return ""


def fault_of_trusted_keys(text: str) -> str:
    """As weakness_of, for the public keys of all issuers."""
    try:
        if not parse_key_sets(text):
            return " is missing"
    except ValueError:
        return " is no JSON object of issuer -> JWK set"
    private = any("d" in key for keys in json.loads(text).values() for key in keys["keys"])
    return " holds a private key" if private else ""
