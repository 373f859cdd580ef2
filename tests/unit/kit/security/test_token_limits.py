"""The limits of a token, and what a believed one says, claim by claim."""

import base64
import hashlib
import json
import time
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from support.forgeries import Forger
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc import tokens as module
from whatsinvoice_kit.rpc.tokens import (
    USER_AUDIENCE,
    USER_ISSUER,
    Claims,
    Verifier,
    generate_key,
    parse_key_sets,
    peek_issuer_and_kid,
    public_half,
    sign,
    verify,
)

KEY, OTHER = generate_key(), generate_key()
KEYS = {USER_ISSUER: {KEY["kid"]: public_half(KEY)}}
FORGER = Forger(KEY, USER_ISSUER, USER_AUDIENCE, OTHER, {})


class Clock:
    """Stand in for the module's clock; jose has its own."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now


def read(**changes: Any) -> Claims:
    return verify(FORGER.signed(FORGER.claims(**changes)), KEYS, audience=USER_AUDIENCE)


def refusal(token: str) -> str:
    with pytest.raises(ServiceError) as refused:
        verify(token, KEYS, audience=USER_AUDIENCE)
    assert (refused.value.kind, refused.value.reason) == (Kind.UNAUTHENTICATED, "TOKEN_INVALID")
    return str(refused.value).removeprefix("the token is not valid: ")


def test_a_generated_key_is_named_by_its_public_half() -> None:
    key = generate_key()
    assert (key["kty"], key["crv"], set(key)) == ("EC", "P-256", {"kty", "crv", "x", "y", "d", "kid"})
    assert all(len(base64.urlsafe_b64decode(key[name] + "=")) == 32 for name in ("x", "y", "d"))
    thumb = ",".join(f'"{name}":"{key[name]}"' for name in ("crv", "kty", "x", "y")).join("{}")
    digest = base64.urlsafe_b64encode(hashlib.sha256(thumb.encode()).digest()).decode()
    assert key["kid"] == digest[:16]


def test_the_public_half_names_its_use() -> None:
    expected = {name: KEY[name] for name in ("kty", "crv", "x", "y", "kid")} | {"alg": "ES256", "use": "sig"}
    assert public_half(KEY) == expected


def test_key_sets_are_read_by_issuer_and_kid() -> None:
    text = json.dumps({"a": {"keys": [KEY, OTHER]}, "b": {"keys": []}})
    assert parse_key_sets(text) == {"a": {key["kid"]: public_half(key) for key in (KEY, OTHER)}, "b": {}}


def test_a_signed_token_lives_for_its_seconds_and_is_unlike_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    monkeypatch.setattr(module, "time", Clock(now + 0.9))
    made = [sign(KEY, issuer=USER_ISSUER, audience=USER_AUDIENCE, subject="s", seconds=60, sid="x") for _ in range(2)]
    header, body, _ = made[0].split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "ES256", "typ": "JWT", "kid": KEY["kid"]}
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    jti = claims.pop("jti")
    assert len(base64.urlsafe_b64decode(jti)) == 12
    expected = {"iss": USER_ISSUER, "aud": USER_AUDIENCE, "sub": "s", "iat": now, "exp": now + 60, "sid": "x"}
    assert claims == expected
    assert made[0] != made[1]
    assert peek_issuer_and_kid(made[0]) == (USER_ISSUER, KEY["kid"])


def test_a_believed_token_says_this() -> None:
    full = read(sid="ses_1", biz="biz_1", scope="a  b a", act="usr_2", role="owner", refunds="5000", exp=4_000_000_000)
    scopes = frozenset({"a", "b"})
    assert full == Claims(
        USER_ISSUER, "usr_1", 4_000_000_000, "ses_1", "biz_1", scopes, "usr_2", "owner", daily_refund_minor=5_000
    )
    bare = read(exp=4_000_000_000)
    assert bare == Claims(USER_ISSUER, "usr_1", 4_000_000_000, "", "", frozenset())
    assert (bare.person_id, bare.role, bare.daily_refund_minor) == ("", "", 0)
    assert len({full, bare}) == 2
    with pytest.raises(FrozenInstanceError):
        bare.subject = "usr_9"  # type: ignore[misc]  # the type forbids it too


@pytest.mark.parametrize(("accepted", "refused"), [("9" * 17, "9" * 18), ("0", "-1"), ("7", "७"), ("7", "1.5")])
def test_a_daily_sum_is_up_to_seventeen_digits(accepted: str, refused: str) -> None:
    assert read(refunds=accepted).daily_refund_minor == int(accepted)
    assert refusal(FORGER.signed(FORGER.claims(refunds=refused))) == "a claim of the wrong form"


@pytest.mark.parametrize("claim", ["sid", "biz", "scope", "act", "role", "refunds"])
def test_a_claim_of_another_type_is_refused(claim: str) -> None:
    values: tuple[object, ...] = (1, ["a"], {}, True)
    for value in values:
        assert refusal(FORGER.signed(FORGER.claims(**{claim: value}))) == "a claim of the wrong type"


def test_a_token_has_up_to_4096_characters() -> None:
    start = len(FORGER.signed(FORGER.claims(sid="")))
    size = (4_096 - start) * 3 // 4 - 3
    lengths = {len(token := FORGER.signed(FORGER.claims(sid="x" * n))): token for n in range(size, size + 9)}
    assert 4_096 in lengths or 4_095 in lengths
    for length, token in lengths.items():
        if length <= 4_096:
            assert verify(token, KEYS, audience=USER_AUDIENCE).subject == "usr_1"
        else:
            assert refusal(token) == "too long, or not ASCII"
    assert max(lengths) > 4_096


def test_a_refusal_says_what_is_wrong() -> None:
    good = FORGER.claims()
    assert refusal("é") == "too long, or not ASCII"
    assert refusal("x") == "unreadable"
    assert refusal(FORGER.signed(good, alg="HS256")) == "wrong header"
    assert refusal(FORGER.signed(good, jku="https://evil.example")) == "wrong header"
    assert refusal(FORGER.signed(FORGER.claims(iss=1))) == "no issuer or key id"
    assert refusal(FORGER.signed(good, kid=1)) == "no issuer or key id"
    assert refusal(FORGER.signed(FORGER.claims(iss="nobody"))) == "unknown key"
    assert refusal(FORGER.signed(good, kid="other")) == "unknown key"
    assert refusal(FORGER.signed(good, OTHER)) == "invalid"
    assert refusal(FORGER.signed(FORGER.claims(sub=""))) == "no subject"


@pytest.mark.parametrize("claim", ["aud", "iat", "exp", "sub", "jti"])
def test_every_claim_is_required(claim: str) -> None:
    assert refusal(FORGER.signed(FORGER.claims(**{claim: None}))) == "invalid"


def test_a_token_of_the_future_is_refused_beyond_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    issued = int(time.time())
    token = FORGER.signed(FORGER.claims(iat=issued))
    monkeypatch.setattr(module, "time", Clock(issued - 5))
    assert verify(token, KEYS, audience=USER_AUDIENCE).subject == "usr_1"
    monkeypatch.setattr(module, "time", Clock(issued - 5.1))
    assert refusal(token) == "issued in the future"


def test_a_remembered_token_is_served_until_the_second_of_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = int(time.time()) + 60
    token, verifier = FORGER.signed(FORGER.claims(exp=ends)), Verifier(KEYS, "payments", remembered=1)
    first = verifier.verify(token)
    monkeypatch.setattr(module, "time", Clock(ends - 0.1))
    assert verifier.verify(token) is first
    monkeypatch.setattr(module, "time", Clock(ends))
    assert verifier.verify(token) is not first


def test_a_remembered_token_is_refused_once_its_key_is_gone() -> None:
    keys = {USER_ISSUER: dict(KEYS[USER_ISSUER])}
    verifier, token = Verifier(keys, "payments"), FORGER.signed(FORGER.claims())
    verifier.verify(token)
    keys[USER_ISSUER].clear()
    with pytest.raises(ServiceError, match="unknown key"):
        verifier.verify(token)
    keys.clear()
    with pytest.raises(ServiceError, match="unknown key"):
        verifier.verify(token)


def test_a_verifier_remembers_ten_thousand_tokens_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def believed(token: str, *_: object, **__: object) -> Claims:
        checked.append(token)
        return Claims(USER_ISSUER, token, 4_000_000_000, "", "", frozenset())

    monkeypatch.setattr(module, "verify", believed)
    monkeypatch.setattr(module, "peek_issuer_and_kid", lambda _: (USER_ISSUER, KEY["kid"]))
    verifier = Verifier(KEYS, "payments")
    for number in range(10_001):
        verifier.verify(str(number))
    checked.clear()
    verifier.verify("1")
    verifier.verify("10000")
    assert checked == []
    verifier.verify("0")
    assert checked == ["0"]
