"""Every way that a token can be wrong ends as UNAUTHENTICATED, and never as anything else (A2)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from jose import jwe, jwk, jws, jwt
from jose.exceptions import ExpiredSignatureError, JWTError
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc.identity import authenticate
from whatsinvoice_kit.rpc.tokens import (
    MAX_TOKEN,
    USER_AUDIENCE,
    USER_ISSUER,
    Verifier,
    generate_key,
    parse_key_sets,
    public_half,
    sign,
    verify,
)

USERS, INVOICES, STRANGER = generate_key(), generate_key(), generate_key()
KEYS = {
    USER_ISSUER: {USERS["kid"]: public_half(USERS)},
    "whatsinvoice-invoices": {INVOICES["kid"]: public_half(INVOICES)},
}
GOOD_HEADER = {"alg": "ES256", "typ": "JWT", "kid": USERS["kid"]}


def good_claims(**changes: Any) -> dict[str, Any]:
    """What auth signs; a change to None leaves the claim out."""
    now = int(time.time())
    claims = {
        "iss": USER_ISSUER,
        "aud": USER_AUDIENCE,
        "sub": "usr_1",
        "iat": now,
        "exp": now + 600,
        "jti": "j",
        "biz": "biz_1",
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def signed(claims: Any, key: dict[str, str] = USERS, **headers: Any) -> str:
    """Really signed with ES256, whatever stands in it."""
    return raw({**GOOD_HEADER, **headers}, claims, key)


def raw(
    header: Any, claims: Any, key: dict[str, str] | None = None, signature: Callable[[bytes], bytes] | None = None
) -> str:
    """Any header over any claims; signed by the key or by a function."""
    message = b".".join(
        b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)
    )
    if key is not None:
        return raw(header, claims, signature=jwk.construct(key, "ES256").sign)
    made = signature(message) if signature else b""
    return (message + b"." + b64(made)).decode()


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def refused(token: Any) -> None:
    """By the bare function, by the verifier, and at the door."""
    with pytest.raises(ServiceError) as error:
        verify(token, KEYS, audience=USER_AUDIENCE)
    assert (error.value.kind, error.value.reason) == (Kind.UNAUTHENTICATED, "TOKEN_INVALID")
    with pytest.raises(ServiceError) as error:
        Verifier(KEYS, "payments").verify(token)
    assert error.value.kind is Kind.UNAUTHENTICATED
    with pytest.raises(ServiceError) as error:
        authenticate(Verifier(KEYS, "payments"), f"Bearer {token}")
    assert error.value.kind is Kind.UNAUTHENTICATED


def test_a_good_token_says_who_it_is() -> None:
    claims = verify(signed(good_claims(scope="a b", sid="ses_1")), KEYS, audience=USER_AUDIENCE)
    assert (claims.subject, claims.business_id, claims.session_id) == ("usr_1", "biz_1", "ses_1")
    assert claims.scopes == {"a", "b"}
    own = sign(USERS, issuer=USER_ISSUER, audience=USER_AUDIENCE, subject="usr_1", seconds=60, biz="biz_1")
    assert verify(own, KEYS, audience=USER_AUDIENCE).business_id == "biz_1"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_no_algorithm_is_refused(alg: str) -> None:
    refused(raw({**GOOD_HEADER, "alg": alg}, good_claims()))


def _public_forms() -> list[bytes]:
    x, y = (int.from_bytes(base64.urlsafe_b64decode(USERS[name] + "="), "big") for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, form)
    der = public.public_bytes(serialization.Encoding.DER, form)
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return [pem, pem.strip(), der, point, json.dumps(public_half(USERS)).encode(), USERS["x"].encode(), b""]


@pytest.mark.parametrize("secret", _public_forms())
@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_the_public_key_is_no_hmac_secret(secret: bytes, alg: str) -> None:
    def signature(message: bytes) -> bytes:
        return hmac.new(secret, message, hashlib.sha256).digest()

    refused(raw({**GOOD_HEADER, "alg": alg}, good_claims(), signature=signature))


@pytest.mark.parametrize("alg", ["HS384", "HS512", "RS256", "ES384", "ES512", "PS256", "EdDSA", "es256", 256, None, []])
def test_only_es256_is_believed(alg: Any) -> None:
    refused(signed(good_claims(), alg=alg))


@pytest.mark.parametrize("header", [
    {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/cert"}, {"jwk": public_half(STRANGER)},
    {"x5c": ["MII"]}, {"crit": ["exp"], "exp": 1}, {"crit": []}, {"zip": "DEF"}, {"b64": False}, {"kid": 7},
    {"kid": [USERS["kid"]]}, {"kid": STRANGER["kid"]}, {"kid": INVOICES["kid"]}, {"kid": "../../dev/null"}, {"kid": ""},
])  # fmt: skip
def test_a_header_chooses_no_key_but_one_of_the_issuers_own(header: dict[str, Any]) -> None:
    refused(signed(good_claims(), **header))


def test_one_issuers_key_signs_for_no_other() -> None:
    refused(signed(good_claims(), INVOICES, kid=INVOICES["kid"]))
    refused(signed(good_claims(), INVOICES))
    refused(signed(good_claims(iss="whatsinvoice-invoices"), USERS))


@pytest.mark.parametrize("changes", [
    {"iss": "whatsinvoice-evil"}, {"iss": None}, {"iss": [USER_ISSUER]}, {"iss": ""}, {"iss": 1},
    {"aud": "whatsinvoice-payments"}, {"aud": None}, {"aud": [USER_AUDIENCE]}, {"aud": [USER_AUDIENCE, "x"]},
    {"aud": ""}, {"aud": {}},
    {"sub": None}, {"sub": ""}, {"sub": 1}, {"sub": ["usr_1"]}, {"jti": None}, {"jti": 5},
    {"iat": None}, {"iat": "1"}, {"iat": 4_102_444_800}, {"iat": "soon"}, {"iat": [1]}, {"iat": True},
    {"exp": None}, {"exp": 1}, {"exp": 0}, {"exp": -1}, {"exp": "4102444800"}, {"exp": 1e400}, {"exp": float("nan")},
    {"exp": {}},
    {"exp": 4102444800.5}, {"nbf": 4_102_444_800}, {"nbf": "4102444800"}, {"nbf": "later"}, {"nbf": 1e400},
    {"sid": 1}, {"biz": ["biz_1"]}, {"biz": {"a": 1}}, {"scope": ["invoices:read"]}, {"at_hash": "x"},
])  # fmt: skip
def test_a_wrong_or_missing_claim_is_refused_however_well_signed(changes: dict[str, Any]) -> None:
    refused(signed(good_claims(**changes)))


def test_times_count_to_the_second_with_five_of_grace() -> None:
    now = int(time.time())
    for good in ({"exp": now + 2}, {"nbf": now - 1}, {"nbf": now + 3}, {"iat": now + 3}, {"exp": now - 2}):
        assert verify(signed(good_claims(**good)), KEYS, audience=USER_AUDIENCE).subject == "usr_1"
    for bad in ({"exp": now - 7}, {"nbf": now + 9}, {"iat": now + 9}):
        refused(signed(good_claims(**bad)))


@pytest.mark.parametrize("claims", [b"[]", b'"x"', b"1", b"null", b"", b"\xff\xfe", b"{", b'{"iss": "whatsinvoice"'])
def test_a_body_that_is_no_object_is_refused(claims: bytes) -> None:
    refused(signed(claims))
    refused(raw(claims, good_claims(), USERS))


def test_every_truncation_and_every_flipped_character_is_refused() -> None:
    token = signed(good_claims())
    for end in range(0, len(token), 7):
        refused(token[:end])
    for at in range(0, len(token) - 2, 5):
        other = "A" if token[at] != "A" else "B"
        refused(token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize("token", [
    "", ".", "..", "...", "a.b.c", " ", "x" * 1_000_000, "eyJ" * 400_000, "a." * 500_000, "é" * 20,
    "\ud800", "\x00", "a.b.c.d.e",
])  # fmt: skip
def test_what_is_no_token_is_refused(token: str) -> None:
    refused(token)


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack(bracket: bytes) -> None:
    deep = bracket * (2_800 // len(bracket))
    assert len(raw(GOOD_HEADER, deep)) <= MAX_TOKEN
    refused(raw(GOOD_HEADER, deep))
    refused(raw(deep, good_claims()))


def test_an_encrypted_token_is_refused() -> None:
    encrypted = jwe.encrypt(
        json.dumps(good_claims()), b"k" * 32, algorithm="dir", encryption="A256GCM", kid=USERS["kid"]
    )
    refused(encrypted.decode())


@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else_is_raised(text: str) -> None:
    refused(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "iat", "exp", "jti", "nbf", "sid", "biz", "scope"]), _JSON, min_size=1
    )
)
def test_any_claims_well_signed_are_believed_or_refused(changes: dict[str, Any]) -> None:
    token = signed(good_claims() | changes)
    try:
        claims = verify(token, KEYS, audience=USER_AUDIENCE)
    except ServiceError as error:
        assert error.kind is Kind.UNAUTHENTICATED  # noqa: PT017  (both ends are right, a third is not)
    else:
        assert claims.issuer == USER_ISSUER
        assert type(claims.expires) is int


def test_jose_is_asked_for_es256_and_for_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    inner = jws.verify

    def spy(token: str, key: Any, algorithms: Any = None, **more: Any) -> Any:
        asked.append((algorithms, type(key)))
        return inner(token, key, algorithms, **more)

    monkeypatch.setattr(jws, "verify", spy)
    verify(signed(good_claims()), KEYS, audience=USER_AUDIENCE)
    assert asked == [(["ES256"], dict)]


def test_a_users_token_is_for_all_services_and_a_services_for_one() -> None:
    def of_invoices(audience: str) -> str:
        return sign(
            INVOICES, issuer="whatsinvoice-invoices", audience=audience, subject="whatsinvoice-invoices", seconds=60
        )

    payments = Verifier(KEYS, "payments")
    assert payments.verify(of_invoices("whatsinvoice-payments")).issuer == "whatsinvoice-invoices"
    for audience in ("whatsinvoice-auth", USER_AUDIENCE, "payments"):
        with pytest.raises(ServiceError):
            payments.verify(of_invoices(audience))
    assert payments.verify(signed(good_claims())).subject == "usr_1"
    with pytest.raises(ServiceError):
        payments.verify(signed(good_claims(aud="whatsinvoice-payments")))


def test_a_remembered_token_is_not_served_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(KEYS, "payments")
    token = signed(good_claims(exp=int(time.time()) + 60))
    verifier.verify(token)
    later = time.time() + 70
    monkeypatch.setattr("whatsinvoice_kit.rpc.tokens.time.time", lambda: later)
    monkeypatch.setattr(jwt, "decode", _expired)  # its clock is another
    with pytest.raises(ServiceError):
        verifier.verify(token)


def _expired(*_: object, **__: object) -> None:
    raise ExpiredSignatureError


def test_a_remembered_token_is_not_checked_again_and_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(KEYS, "payments", remembered=3)
    tokens = [signed(good_claims(jti=str(number))) for number in range(5)]
    for token in tokens:
        verifier.verify(token)
    checked: list[str] = []

    def counted(token: str, *_: Any, **__: Any) -> Any:
        checked.append(token)
        raise JWTError

    monkeypatch.setattr(jwt, "decode", counted)
    for token in tokens[2:]:
        assert verifier.verify(token).subject == "usr_1"
    assert checked == []
    for token in tokens[:2]:
        with pytest.raises(ServiceError):
            verifier.verify(token)
    assert checked == tokens[:2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "null",
        "1",
        '{"a": 1}',
        '{"a": {"keys": 1}}',
        '{"a": {"keys": [{}]}}',
        '{"a": {"keys": [{"kid": "x"}]}}',
    ],
)
def test_key_sets_that_are_none_raise_value_errors(text: str) -> None:
    with pytest.raises(ValueError, match="JWK set"):
        parse_key_sets(text)


def test_key_sets_hold_no_secret_half() -> None:
    sets = parse_key_sets(json.dumps({"a": {"keys": [USERS]}}))
    assert set(sets["a"][USERS["kid"]]) == {"kty", "crv", "x", "y", "kid", "alg", "use"}


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bearer", "Token x"])
def test_without_a_bearer_token_nobody_is_anybody(authorization: str) -> None:
    with pytest.raises(ServiceError) as error:
        authenticate(Verifier(KEYS, "payments"), authorization)
    assert error.value.kind is Kind.UNAUTHENTICATED
