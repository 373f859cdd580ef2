"""The one wrapper over python-jose: ES256 and nothing else, keys as JWK, the key chosen by `kid` by us.

CVE-2026-85394 (a public key taken as an HMAC secret) and jose's default of any algorithm stay out of reach this way.
Access tokens and service tokens differ in issuer and audience alone.
"""

import base64
import hashlib
import json
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jose import jws, jwt
from jose.exceptions import JOSEError

from whatsinvoice_kit.core.errors import ServiceError, unauthenticated

Jwk = Mapping[str, Any]
KeySets = Mapping[str, Mapping[str, Jwk]]
"""issuer -> kid -> public key."""

MAX_TOKEN = 4096
CLOCK_SKEW_S = 5
USER_AUDIENCE = "whatsinvoice"
USER_ISSUER = "whatsinvoice"
_OPTIONS = {f"require_{claim}": True for claim in ("aud", "iat", "exp", "sub", "iss", "jti")} | {"leeway": CLOCK_SKEW_S}
_TEXTS = ("sid", "biz", "scope", "act", "role", "refunds")
MAX_DIGITS = 18
_HEADERS = {"alg", "kid", "typ"}
_UNREADABLE = (JOSEError, ValueError, TypeError, OverflowError, RecursionError)
"""What jose and json raise on a stranger's bytes: a token may be nested a thousand deep, or expire at infinity."""


def generate_key() -> dict[str, str]:
    """A fresh private P-256 key as a JWK (RFC 7518, section 6.2), its kid made of its public half (RFC 7638)."""
    private = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    numbers = {"x": private.public_numbers.x, "y": private.public_numbers.y, "d": private.private_value}
    key = {"kty": "EC", "crv": "P-256"} | {
        name: _base64url(value.to_bytes(32, "big")) for name, value in numbers.items()
    }
    thumb = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return key | {"kid": _base64url(hashlib.sha256(thumb.encode()).digest())[:16]}


def public_half(key: Jwk) -> dict[str, str]:
    """The key without its secret, as a JWK set may show it."""
    return {name: str(key[name]) for name in ("kty", "crv", "x", "y", "kid")} | {"alg": "ES256", "use": "sig"}


def parse_key_sets(text: str) -> dict[str, dict[str, Jwk]]:
    """`{"issuer": {"keys": [JWK, …]}}` as TRUSTED_KEYS holds it; raises ValueError when it is not that."""
    try:
        sets = json.loads(text).items()
        return {issuer: {key["kid"]: public_half(key) for key in found["keys"]} for issuer, found in sets}
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError("not a JSON object of issuer -> JWK set") from error


def sign(key: Jwk, *, issuer: str, audience: str, subject: str, seconds: int, **claims: str) -> str:
    """A signed token that lives for so many seconds. Extra claims by name: sid, biz, scope."""
    now = int(time.time())
    body = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + seconds}
    body |= {"jti": _base64url(os.urandom(12))} | claims
    return str(jwt.encode(body, dict(key), algorithm="ES256", headers={"kid": key["kid"]}))


@dataclass(frozen=True, slots=True)
class Claims:
    """What a believed token says; times in epoch seconds."""

    issuer: str
    subject: str
    expires: int
    session_id: str
    business_id: str
    scopes: frozenset[str]
    person_id: str = ""
    """Of a service's token: the person on whose word it acts, and that person's role."""
    role: str = ""
    daily_refund_minor: int = 0
    """Of an API key's token."""


def peek_issuer_and_kid(token: str) -> tuple[str, str]:
    """The claimed issuer and key id, for choosing the key; nothing is proven yet.

    Raises ServiceError (UNAUTHENTICATED) when it cannot be read.
    """
    if len(token) > MAX_TOKEN or not token.isascii():
        raise _refused("too long, or not ASCII")
    try:
        header = jws.get_unverified_header(token)
        claims = jwt.get_unverified_claims(token)
    except _UNREADABLE as error:
        raise _refused("unreadable") from error
    if header.get("alg") != "ES256" or not set(header) <= _HEADERS:
        raise _refused("wrong header")
    issuer, kid = claims.get("iss"), header.get("kid")
    if not isinstance(issuer, str) or not isinstance(kid, str):
        raise _refused("no issuer or key id")
    return issuer, kid


def verify(token: str, keys: KeySets, *, audience: str) -> Claims:
    """Checks signature, issuer, audience and times; raises UNAUTHENTICATED (TOKEN_INVALID) for anything else."""
    issuer, kid = peek_issuer_and_kid(token)
    key = keys.get(issuer, {}).get(kid)
    if key is None:
        raise _refused("unknown key")
    try:
        claims = jwt.decode(token, dict(key), algorithms=["ES256"], audience=audience, issuer=issuer, options=_OPTIONS)
    except _UNREADABLE as error:
        raise _refused("invalid") from error
    return _read(issuer, claims)


def _read(issuer: str, claims: Mapping[str, Any]) -> Claims:
    """The claims, each of its one type: jose takes numbers written as text and lists of audiences, we do not."""
    numbers = [claims["iat"], claims["exp"], claims.get("nbf", 0)]
    texts = [claims["sub"], claims["aud"], claims["jti"], *(claims.get(name, "") for name in _TEXTS)]
    if not all(type(number) is int for number in numbers) or not all(isinstance(text, str) for text in texts):
        raise _refused("a claim of the wrong type")
    if not claims["sub"]:
        raise _refused("no subject")
    if claims["iat"] > time.time() + CLOCK_SKEW_S:
        raise _refused("issued in the future")
    sid, biz, scope, person_id, role, refunds = texts[3:]
    if refunds and not (refunds.isascii() and refunds.isdigit() and len(refunds) < MAX_DIGITS):
        raise _refused("a claim of the wrong form")
    scopes = frozenset(scope.split())
    return Claims(issuer, claims["sub"], claims["exp"], sid, biz, scopes, person_id, role, int(refunds or 0))


class Verifier:
    """Checks tokens for one audience of users and one of services.

    It remembers the good ones until they expire, or their key is believed no more.
    """

    def __init__(self, keys: KeySets, service: str, *, remembered: int = 10_000) -> None:
        self.keys = keys
        self._own_audience = f"whatsinvoice-{service}"
        self._remembered = remembered
        self._good: OrderedDict[bytes, tuple[str, Claims]] = OrderedDict()

    def verify(self, token: str) -> Claims:
        """A user's token must be for `whatsinvoice`, a service's for this very service."""
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        kid, remembered = self._good.get(digest, ("", None))
        if remembered and remembered.expires > time.time() and kid in self.keys.get(remembered.issuer, ()):
            return remembered
        self._good.pop(digest, None)
        issuer, kid = peek_issuer_and_kid(token)
        audience = USER_AUDIENCE if issuer == USER_ISSUER else self._own_audience
        claims = verify(token, self.keys, audience=audience)
        self._good[digest] = (kid, claims)
        if len(self._good) > self._remembered:
            self._good.popitem(last=False)
        return claims


def _refused(why: str) -> ServiceError:
    return unauthenticated("TOKEN_INVALID", f"the token is not valid: {why}")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
