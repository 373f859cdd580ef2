"""One corpus of tokens that nobody may believe, each wrong in one way, for any issuer and whoever checks them (A2)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwe, jwk
from whatsinvoice_kit.rpc.tokens import MAX_TOKEN, generate_key, public_half

SIZE = 247
"""How many there are: a case lost on the way is noticed."""
FAR = 4_102_444_800
"""The year 2100."""
_ALGORITHMS: tuple[Any, ...] = ("HS384", "HS512", "RS256", "ES384", "ES512", "PS256", "EdDSA", "es256", 256, None, [])
_CLAIMS: dict[str, tuple[Any, ...]] = {
    "iss": ("whatsinvoice-evil", None, ["whatsinvoice"], "", 1),
    "aud": ("whatsinvoice-elsewhere", None, "", {}),
    "sub": (None, "", 1, ["usr_1"]),
    "jti": (None, 5),
    "iat": (None, "1", FAR, "soon", [1], True),
    "exp": (None, 1, 0, -1, str(FAR), 1e400, float("nan"), {}, FAR + 0.5),
    "nbf": (FAR, str(FAR), "later", 1e400),
    "sid": (1,),
    "biz": (["b"], {"a": 1}),
    "scope": (["invoices:read"],),
    "at_hash": ("x",),
}
_NO_OBJECTS = (b"[]", b'"x"', b"1", b"null", b"", b"\xff\xfe", b"{", b'{"iss": "whatsinvoice"')
_NO_TOKENS = ("", ".", "..", "...", "a.b.c", "x" * 1_000_000, "eyJ" * 333_333, "a." * 500_000, "a.b.c.d.e")
UNCARRIED = (" ", "é" * 20, "\ud800", "\x00")
"""No tokens either, but no header carries them."""


def raw(
    header: Any, claims: Any, key: dict[str, str] | None = None, signature: Callable[[bytes], bytes] | None = None
) -> str:
    """Any header over any claims; signed by the key or by a function."""
    message = b".".join(
        _base64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)
    )
    if key is not None:
        return raw(header, claims, signature=jwk.construct(key, "ES256").sign)
    made = signature(message) if signature else b""
    return (message + b"." + _base64(made)).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@dataclass(frozen=True)
class Forger:
    """Holds an issuer's real key, and misuses it; `neighbour` is a key that is believed, but of another issuer."""

    key: dict[str, str]
    issuer: str
    audience: str
    neighbour: dict[str, str]
    extra: dict[str, str] = field(default_factory=dict)
    """Further claims of a good token."""
    stranger: dict[str, str] = field(default_factory=generate_key)

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": "ES256", "typ": "JWT", "kid": self.key["kid"]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token says; a change to None leaves the claim out."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.audience, "sub": "usr_1", "iat": now, "exp": now + 600, "jti": "j"}
        return {name: value for name, value in (claims | self.extra | changes).items() if value is not None}

    def signed(self, claims: Any, key: dict[str, str] | None = None, **headers: Any) -> str:
        """Really signed with ES256, whatever stands in it."""
        return raw({**self.header, **headers}, claims, key or self.key)

    def corpus(self) -> dict[str, str]:
        """What is wrong -> the token."""
        parts = (self._algorithms, self._headers, self._keys, self._claims_and_times, self._bodies, self._damaged)
        cases = [case for part in parts for case in part()]
        found = dict(cases)
        assert len(found) == len(cases), "two cases have one name"
        return found

    def _algorithms(self) -> Iterator[tuple[str, str]]:
        good = self.claims()
        for alg in ("none", "None", "NONE", "nOnE", ""):
            yield f"alg {alg!r} unsigned", raw({**self.header, "alg": alg}, good)
            yield f"alg {alg!r} signed", self.signed(good, alg=alg)
        for name, secret in self._public_forms().items():
            for alg in ("HS256", "ES256"):
                header, code = {**self.header, "alg": alg}, _hmac_with(secret)
                yield f"{alg} by HMAC with the public key as {name}", raw(header, good, signature=code)
        for other in _ALGORITHMS:
            yield f"alg {other!r}", self.signed(good, alg=other)

    def _public_forms(self) -> dict[str, bytes]:
        x, y = (int.from_bytes(base64.urlsafe_b64decode(self.key[name] + "="), "big") for name in ("x", "y"))
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = public.public_bytes(serialization.Encoding.PEM, form)
        return {
            "PEM": pem,
            "PEM without its newline": pem.strip(),
            "DER": public.public_bytes(serialization.Encoding.DER, form),
            "a point": public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
            "JWK": json.dumps(public_half(self.key)).encode(),
            "x": self.key["x"].encode(),
            "nothing": b"",
        }

    def _headers(self) -> Iterator[tuple[str, str]]:
        own, other = public_half(self.key), public_half(self.stranger)
        headers: tuple[dict[str, Any], ...] = (
            {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/cert"}, {"jwk": own}, {"x5c": ["MII"]},
            {"crit": ["exp"], "exp": 1}, {"crit": []}, {"zip": "DEF"}, {"b64": False}, {"kid": 7},
            {"kid": [self.key["kid"]]}, {"kid": self.stranger["kid"]}, {"kid": self.neighbour["kid"]},
            {"kid": "../../dev/null"}, {"kid": ""}, {"kid": None},
        )  # fmt: skip
        for header in headers:
            yield f"header {header}", self.signed(self.claims(), **header)
        yield "signed by the key in its own header", self.signed(self.claims(), self.stranger, jwk=other)

    def _keys(self) -> Iterator[tuple[str, str]]:
        for name, key in (("a stranger", self.stranger), ("a neighbour", self.neighbour)):
            yield f"signed by {name}", self.signed(self.claims(), key, kid=key["kid"])
            yield f"signed by {name} under the right kid", self.signed(self.claims(), key)

    def _claims_and_times(self) -> Iterator[tuple[str, str]]:
        now = int(time.time())
        claims = _CLAIMS | {"aud": (*_CLAIMS["aud"], [self.audience], [self.audience, "x"])}
        times = ({"exp": now - 7}, {"nbf": now + 86_400}, {"iat": now + 86_400})
        for claim, value in ((claim, value) for claim, values in claims.items() for value in values):
            yield f"{claim} is {value!r}", self.signed(self.claims(**{claim: value}))
        for changes in times:
            yield f"time of {next(iter(changes))}", self.signed(self.claims(**changes))

    def _bodies(self) -> Iterator[tuple[str, str]]:
        for body in _NO_OBJECTS:
            yield f"claims are {body!r}", self.signed(body)
            yield f"header is {body!r}", raw(body, self.claims(), self.key)
        for bracket in (b"[", b'{"a":'):
            deep = bracket * (2_800 // len(bracket))
            assert len(raw(self.header, deep)) <= MAX_TOKEN
            yield f"claims are deep in {bracket!r}", raw(self.header, deep)
            yield f"header is deep in {bracket!r}", raw(deep, self.claims())
        kid, claims = self.key["kid"], json.dumps(self.claims())
        yield "encrypted", jwe.encrypt(claims, b"k" * 32, algorithm="dir", encryption="A256GCM", kid=kid).decode()

    def _damaged(self) -> Iterator[tuple[str, str]]:
        token = self.signed(self.claims(jti="j" * 16))
        for number in range(1, 60):
            yield f"cut at {number}/60", token[: len(token) * number // 60]
            at = (len(token) - 2) * number // 60
            other = "A" if token[at] != "A" else "B"
            yield f"flipped at {number}/60", token[:at] + other + token[at + 1 :]
        for text in _NO_TOKENS:
            yield f"{len(text)} characters beginning with {text[:5]!r}", text


def _hmac_with(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()
