"""Fresh proof: what a bearer token alone may not change."""

from typing import Any

import pytest
from support.identity import a_phone
from support.keys import Keyring
from support.services import bearer
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice_auth.domain.guesses import Allowance
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, public_half, verify

GUARDED = (
    pb.CreateApiKeyRequest(name="x", scopes=["invoices:read"]),
    pb.RevokeApiKeyRequest(api_key_id=new_id("key")),
    pb.InviteMemberRequest(phone="+2348030000001", role=pb.ROLE_STAFF),
    pb.ChangeMemberRoleRequest(member_id=new_id("mbr"), role=pb.ROLE_STAFF),
    pb.RemoveMemberRequest(member_id=new_id("mbr")),
)


@pytest.fixture
async def session(log_in: Any, verified: str) -> Any:
    """Metadata of a session without fresh proof."""
    return bearer((await log_in(verified)).access_token)


@pytest.mark.parametrize("request_", GUARDED, ids=lambda one: type(one).__name__)
async def test_f15_a_bearer_token_alone_changes_no_keys_and_no_members(
    session: Any, expect: Any, request_: Any
) -> None:
    await expect(request_, session, "FRESH_PROOF_REQUIRED")


async def test_f15_a_password_proves_for_five_minutes(
    auth: AuthServiceStub, session: Any, expect: Any, keyring: Keyring
) -> None:
    await expect(pb.ConfirmRequest(password="N0tThePassword"), session, "PASSWORD_WRONG")
    found = await auth.Confirm(pb.ConfirmRequest(password="Passw0rdly"), metadata=session)
    assert found.expires_in == 300
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}
    assert "proof:fresh" in verify(found.access_token, keys, audience="whatsinvoice").scopes
    made = await auth.InviteMember(
        pb.InviteMemberRequest(phone=a_phone(), role=pb.ROLE_STAFF), metadata=bearer(found.access_token)
    )
    assert made.invitation.id


async def test_f15_a_code_to_the_own_phone_proves_as_well_and_once(
    auth: AuthServiceStub, session: Any, expect: Any, code_for: Any, verified: str, gateway: Any
) -> None:
    asked = (await auth.RequestConfirmation(pb.RequestConfirmationRequest(), metadata=session)).verification
    proof = pb.ConfirmRequest(verification_id=asked.id, code=await code_for(asked))
    assert (await auth.Confirm(proof, metadata=session)).access_token
    await expect(proof, session, "CODE_INVALID")
    reset = (await auth.ForgotPassword(pb.ForgotPasswordRequest(phone=verified), metadata=gateway)).verification
    other = pb.ConfirmRequest(verification_id=reset.id, code=await code_for(reset))
    await expect(other, session, "CODE_INVALID")
    for nothing in (pb.ConfirmRequest(), pb.ConfirmRequest(verification_id=asked.id)):
        await expect(nothing, session, "PROOF_MISSING")


async def test_f15_another_person_s_code_confirms_nothing(
    auth: AuthServiceStub, session: Any, expect: Any, code_for: Any, register: Any, log_in: Any
) -> None:
    eve = a_phone()
    await register(eve)
    thief = bearer((await log_in(eve)).access_token)
    asked = (await auth.RequestConfirmation(pb.RequestConfirmationRequest(), metadata=session)).verification
    await expect(pb.ConfirmRequest(verification_id=asked.id, code=await code_for(asked)), thief, "CODE_INVALID")


async def test_f15_guesses_of_a_stolen_session_end_soon(
    session: Any, expect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_auth.service.guessing.DEVICE", Allowance(3, 3))
    for _ in range(3):
        await expect(pb.ConfirmRequest(password="N0tThePassword"), session, "PASSWORD_WRONG")
    await expect(pb.ConfirmRequest(password="Passw0rdly"), session, "GUESSES_TOO_MANY")


async def test_f15_a_key_gives_refunds_only_with_its_own_scope_and_a_daily_limit(
    auth: AuthServiceStub, owner: Any, expect: Any, gateway: Any, keyring: Keyring
) -> None:
    without = pb.CreateApiKeyRequest(name="till", scopes=["payments:write", "refunds:write"])
    await expect(without, owner, "REFUND_LIMIT_REQUIRED")
    for scope in ("payout:write", "keys:write", "members:write", "proof:fresh"):
        await expect(pb.CreateApiKeyRequest(name="till", scopes=[scope]), owner, "SCOPE_UNKNOWN")
    made = await auth.CreateApiKey(
        pb.CreateApiKeyRequest(name="till", scopes=["refunds:write"], daily_refund_minor=500_000), metadata=owner
    )
    token = (await auth.ExchangeApiKey(pb.ExchangeApiKeyRequest(key=made.key), metadata=gateway)).access_token
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}
    claims = verify(token, keys, audience="whatsinvoice")
    assert (set(claims.scopes), claims.daily_refund_minor) == ({"refunds:write"}, 500_000)
