"""Every way that a token can be wrong ends as UNAUTHENTICATED, and never as anything else (A2)."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jws, jwt
from jose.exceptions import ExpiredSignatureError, JWTError
from support.forgeries import SIZE, UNCARRIED, Forger
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc.identity import authenticate
from whatsinvoice_kit.rpc.tokens import (
    USER_AUDIENCE,
    USER_ISSUER,
    Verifier,
    generate_key,
    parse_key_sets,
    public_half,
    sign,
    verify,
)

USERS, INVOICES = generate_key(), generate_key()
KEYS = {
    USER_ISSUER: {USERS["kid"]: public_half(USERS)},
    "whatsinvoice-invoices": {INVOICES["kid"]: public_half(INVOICES)},
}
FORGER = Forger(USERS, USER_ISSUER, USER_AUDIENCE, INVOICES, {"biz": "biz_1"})
CORPUS = FORGER.corpus()
good_claims, signed = FORGER.claims, FORGER.signed


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


@pytest.mark.parametrize("wrong", CORPUS, ids=range(len(CORPUS)))
def test_no_token_of_the_corpus_is_believed(wrong: str) -> None:
    refused(CORPUS[wrong])


def test_the_corpus_is_this_large() -> None:
    assert len(CORPUS) == SIZE


def test_one_issuers_key_signs_for_no_other() -> None:
    refused(signed(good_claims(), INVOICES, kid=INVOICES["kid"]))
    refused(signed(good_claims(iss="whatsinvoice-invoices"), USERS))


@pytest.mark.parametrize("token", UNCARRIED)
def test_what_no_header_carries_is_refused(token: str) -> None:
    refused(token)


def test_times_count_to_the_second_with_five_of_grace() -> None:
    now = int(time.time())
    for good in ({"exp": now + 2}, {"nbf": now - 1}, {"nbf": now + 3}, {"iat": now + 3}, {"exp": now - 2}):
        assert verify(signed(good_claims(**good)), KEYS, audience=USER_AUDIENCE).subject == "usr_1"
    for bad in ({"exp": now - 7}, {"nbf": now + 9}, {"iat": now + 9}):
        refused(signed(good_claims(**bad)))


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
