"""Register, verify, log in, refresh: the rules of identity over the real service."""

import asyncio
from typing import Any

import grpc
import pytest
from support.builders import a_registration
from support.keys import Keyring
from support.services import bearer, reason_of
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice_kit.rpc.errors import from_rpc_error
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, public_half, verify

Metadata = tuple[tuple[str, str], ...]


async def test_a_code_proves_its_registration_once(
    auth: AuthServiceStub, gateway: Metadata, code_for: Any, phone: str, expect: Any
) -> None:
    asked = (await auth.Register(a_registration(phone), metadata=gateway)).verification
    proof = pb.VerifyPhoneRequest(verification_id=asked.id, code=await code_for(asked))
    proven = await auth.VerifyPhone(proof, metadata=gateway)
    assert proven.user.phone == phone
    assert proven.business.currency_code == "NGN"
    await expect(proof, gateway, "CODE_INVALID")


async def test_a_national_number_is_the_same_phone(register: Any, phone: str) -> None:
    assert (await register("0" + phone[4:])).user.phone == phone


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Sh0rt", "PASSWORD_LENGTH"),
        ("nouppercase1", "PASSWORD_NO_UPPER"),
        ("NOLOWERCASE1", "PASSWORD_NO_LOWER"),
        ("NoDigitsHere", "PASSWORD_NO_DIGIT"),
        ("xAda Obi123", "PASSWORD_HOLDS_NAME"),
    ],
)
async def test_weak_passwords_are_refused_with_the_rule(
    auth: AuthServiceStub, gateway: Metadata, phone: str, password: str, code: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await auth.Register(a_registration(phone, password=password), metadata=gateway)
    error = from_rpc_error(refused.value)
    assert error.reason == "PASSWORD_WEAK"
    assert [violation.code for violation in error.violations] == [code]


async def test_login_gives_a_token_that_says_who_and_for_which_business(
    auth: AuthServiceStub, gateway: Metadata, verified: str, keyring: Keyring
) -> None:
    response = await auth.Login(pb.LoginRequest(phone=verified, password="Passw0rdly"), metadata=gateway)
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}
    claims = verify(response.tokens.access_token, keys, audience="whatsinvoice")
    me = await auth.GetMe(pb.GetMeRequest(), metadata=bearer(response.tokens.access_token))
    assert claims.business_id == me.business.id
    assert claims.subject == me.user.id
    assert "invoices:write" in claims.scopes
    assert me.role == pb.ROLE_OWNER


async def test_login_does_not_tell_a_wrong_password_from_an_unknown_phone(
    auth: AuthServiceStub, gateway: Metadata, verified: str
) -> None:
    answers = []
    for phone, password in ((verified, "Wrong123x"), ("+2347010000001", "Passw0rdly")):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await auth.Login(pb.LoginRequest(phone=phone, password=password), metadata=gateway)
        answers.append((reason_of(refused.value), refused.value.details()))
    assert answers[0] == answers[1]
    assert answers[0][0] == "CREDENTIALS_INVALID"


async def test_a_registration_without_its_code_is_no_account(
    auth: AuthServiceStub, gateway: Metadata, phone: str, expect: Any
) -> None:
    await auth.Register(a_registration(phone), metadata=gateway)
    await expect(pb.LoginRequest(phone=phone, password="Passw0rdly"), gateway, "CREDENTIALS_INVALID")


async def test_a_spent_refresh_token_ends_the_session(auth: AuthServiceStub, gateway: Metadata, verified: str) -> None:
    login = await auth.Login(pb.LoginRequest(phone=verified, password="Passw0rdly"), metadata=gateway)
    first = login.tokens.refresh_token
    child = await auth.Refresh(pb.RefreshRequest(refresh_token=first, device_id="a"), metadata=gateway)
    with pytest.raises(grpc.aio.AioRpcError) as reuse:
        await auth.Refresh(pb.RefreshRequest(refresh_token=first, device_id="b"), metadata=gateway)
    assert reason_of(reuse.value) == "REFRESH_TOKEN_REUSED"
    with pytest.raises(grpc.aio.AioRpcError) as dead:
        await auth.Refresh(pb.RefreshRequest(refresh_token=child.tokens.refresh_token, device_id="a"), metadata=gateway)
    assert reason_of(dead.value) == "REFRESH_TOKEN_INVALID"


async def test_the_same_device_asking_twice_at_once_gets_the_same_child(
    auth: AuthServiceStub, gateway: Metadata, verified: str
) -> None:
    login = await auth.Login(pb.LoginRequest(phone=verified, password="Passw0rdly"), metadata=gateway)
    request = pb.RefreshRequest(refresh_token=login.tokens.refresh_token, device_id="a")
    answers = await asyncio.gather(*(auth.Refresh(request, metadata=gateway) for _ in range(5)))
    assert len({answer.tokens.refresh_token for answer in answers}) == 1


async def test_the_key_set_holds_no_secret(auth: AuthServiceStub, gateway: Metadata, keyring: Keyring) -> None:
    response = await auth.GetKeySet(pb.GetKeySetRequest(), metadata=gateway)
    assert [(key.kid, key.x, key.y) for key in response.keys] == [
        (keyring.users["kid"], keyring.users["x"], keyring.users["y"])
    ]
    assert keyring.users["d"] not in str(response)


@pytest.mark.parametrize("caller", ["invoices", "payments", "notifications"])
async def test_only_the_gateway_may_register(auth: AuthServiceStub, keyring: Keyring, phone: str, caller: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await auth.Register(a_registration(phone), metadata=bearer(keyring.service_token(caller, "auth")))
    assert reason_of(refused.value) == "NOT_ALLOWED"


async def test_a_call_without_a_token_is_refused(auth: AuthServiceStub, phone: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await auth.Register(a_registration(phone))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
