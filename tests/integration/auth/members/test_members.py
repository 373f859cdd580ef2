"""Members, their business and its API keys."""

import asyncio
import secrets
from typing import Any

import pytest
from sqlalchemy import text
from support.builders import a_registration
from support.services import bearer
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, MemberChanged
from whatsinvoice_kit.core.errors import Kind
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, public_half, verify


def _a_phone() -> str:
    return f"+23480{secrets.randbelow(90_000_000) + 10_000_000}"


async def _business_id(auth: AuthServiceStub, metadata: Any) -> str:
    return (await auth.GetMe(pb.GetMeRequest(), metadata=metadata)).business.id


async def _invite(auth: AuthServiceStub, owner: Any, phone: str, role: Any = pb.ROLE_STAFF) -> pb.Member:
    request = pb.InviteMemberRequest(phone=phone, name="Bola Ade", role=role)
    return (await auth.InviteMember(request, metadata=owner)).member


@pytest.fixture
async def colleague(auth: AuthServiceStub, gateway: Any, codes: Any) -> str:
    """The phone of another registered merchant."""
    phone = _a_phone()
    await auth.Register(a_registration(phone, name="Bola Ade"), metadata=gateway)
    await auth.VerifyPhone(pb.VerifyPhoneRequest(phone=phone, code=codes.by_phone.pop(phone)), metadata=gateway)
    return phone


async def _told(process: Any, message_type: Any, aggregate_id: str) -> list[Any]:
    """The events of one type about something, in order."""
    query = text("SELECT payload FROM auth.outbox WHERE event_type = :type ORDER BY sequence")
    async with process.unit_of_work.read() as tx:
        rows = await tx.execute(query, {"type": message_type.__name__})
        found = [message_type.FromString(row) for row in rows.scalars()]
    return [event for event in found if event.aggregate_id == aggregate_id]


async def test_a_registered_person_is_a_member_at_once(
    auth: AuthServiceStub, owner: Any, colleague: str, log_in: Any, process: Any
) -> None:
    member = await _invite(auth, owner, colleague)
    assert member.phone_verified
    assert member.user.email == ""
    business_id = await _business_id(auth, owner)
    me = await auth.GetMe(pb.GetMeRequest(), metadata=bearer((await log_in(colleague)).access_token))
    assert [place.role for place in me.places] == [pb.ROLE_OWNER, pb.ROLE_STAFF]
    there = bearer((await log_in(colleague, business_id=business_id)).access_token)
    assert await _business_id(auth, there) == business_id
    [event] = await _told(process, MemberChanged, member.id)
    assert (event.active, event.phone_verified, event.role) == (True, True, pb.ROLE_STAFF)


async def test_an_invited_stranger_comes_in_by_the_code(
    auth: AuthServiceStub, owner: Any, gateway: Any, codes: Any, log_in: Any
) -> None:
    phone = _a_phone()
    member = await _invite(auth, owner, phone)
    assert not member.phone_verified
    code = await codes.next(phone)
    await auth.ResetPassword(
        pb.ResetPasswordRequest(phone=phone, code=code, new_password="Tall3rThanTrees"), metadata=gateway
    )
    there = bearer((await log_in(phone, "Tall3rThanTrees")).access_token)
    assert await _business_id(auth, there) == await _business_id(auth, owner)


async def test_an_invitation_survives_a_registration_and_the_inviting_business_too(
    auth: AuthServiceStub, owner: Any, gateway: Any, codes: Any, log_in: Any
) -> None:
    phone = _a_phone()
    await _invite(auth, owner, phone)
    for _ in range(2):
        await auth.Register(a_registration(phone), metadata=gateway)
    code = await codes.next(phone)
    await auth.VerifyPhone(pb.VerifyPhoneRequest(phone=phone, code=code), metadata=gateway)
    me = await auth.GetMe(pb.GetMeRequest(), metadata=bearer((await log_in(phone)).access_token))
    assert {place.business_id for place in me.places} >= {await _business_id(auth, owner)}
    assert len(me.places) == 2


async def test_a_stranger_invited_and_registering_at_once_is_one_person(
    auth: AuthServiceStub, owner: Any, gateway: Any
) -> None:
    phone = _a_phone()
    await asyncio.gather(
        _invite(auth, owner, phone),
        *(auth.Register(a_registration(phone), metadata=gateway) for _ in range(4)),
    )
    members = (await auth.ListMembers(pb.ListMembersRequest(), metadata=owner)).members
    assert [member.user.phone for member in members].count(phone) == 1


async def test_nobody_without_a_password_can_log_in(
    auth: AuthServiceStub, owner: Any, gateway: Any, expect: Any
) -> None:
    phone = _a_phone()
    await _invite(auth, owner, phone)
    for password in ("a password that nobody has", "x"):
        await expect(pb.LoginRequest(phone=phone, password=password), gateway, "CREDENTIALS_INVALID")


async def test_who_cannot_be_invited(auth: AuthServiceStub, owner: Any, verified: str, expect: Any) -> None:
    for role in (pb.ROLE_OWNER, pb.ROLE_UNSPECIFIED):
        request = pb.InviteMemberRequest(phone=_a_phone(), name="Bola Ade", role=role)
        await expect(request, owner, "ROLE_INVALID")
    await expect(pb.InviteMemberRequest(phone=verified, role=pb.ROLE_STAFF), owner, "MEMBER_EXISTS")


async def test_a_removed_member_loses_sessions_and_keys_of_that_business(
    auth: AuthServiceStub, owner: Any, colleague: str, log_in: Any, gateway: Any, expect: Any, process: Any
) -> None:
    member = await _invite(auth, owner, colleague, pb.ROLE_ADMIN)
    own = await log_in(colleague)
    there = await log_in(colleague, business_id=await _business_id(auth, owner))
    key = await auth.CreateApiKey(
        pb.CreateApiKeyRequest(name="till", scopes=["invoices:read"]), metadata=bearer(there.access_token)
    )
    await auth.RemoveMember(pb.RemoveMemberRequest(member_id=member.id), metadata=owner)
    await expect(pb.RefreshRequest(refresh_token=there.refresh_token), gateway, "REFRESH_TOKEN_INVALID")
    await expect(pb.ExchangeApiKeyRequest(key=key.key), gateway, "API_KEY_INVALID")
    await auth.Refresh(pb.RefreshRequest(refresh_token=own.refresh_token), metadata=gateway)
    events = await _told(process, MemberChanged, member.id)
    assert [(event.active, event.aggregate_version) for event in events] == [(True, 1), (False, 2)]


async def test_another_role_is_another_set_of_scopes_at_the_next_login(
    auth: AuthServiceStub, owner: Any, colleague: str, log_in: Any, gateway: Any, expect: Any, keyring: Any
) -> None:
    member = await _invite(auth, owner, colleague, pb.ROLE_ADMIN)
    business_id = await _business_id(auth, owner)
    before = await log_in(colleague, business_id=business_id)
    request = pb.ChangeMemberRoleRequest(member_id=member.id, role=pb.ROLE_ACCOUNTANT)
    await auth.ChangeMemberRole(request, metadata=owner)
    await expect(pb.RefreshRequest(refresh_token=before.refresh_token), gateway, "REFRESH_TOKEN_INVALID")
    after = await log_in(colleague, business_id=business_id)
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}
    assert "invoices:write" not in verify(after.access_token, keys, audience="whatsinvoice").scopes


async def test_the_last_owner_stays(auth: AuthServiceStub, owner: Any, expect: Any, colleague: str) -> None:
    [me] = (await auth.ListMembers(pb.ListMembersRequest(), metadata=owner)).members
    await expect(pb.RemoveMemberRequest(member_id=me.id), owner, "LAST_OWNER")
    await expect(pb.ChangeMemberRoleRequest(member_id=me.id, role=pb.ROLE_STAFF), owner, "LAST_OWNER")
    other = await _invite(auth, owner, colleague)
    await auth.ChangeMemberRole(pb.ChangeMemberRoleRequest(member_id=other.id, role=pb.ROLE_OWNER), metadata=owner)
    await auth.RemoveMember(pb.RemoveMemberRequest(member_id=me.id), metadata=owner)


async def test_another_business_has_other_members(
    auth: AuthServiceStub, owner: Any, colleague: str, log_in: Any, expect: Any
) -> None:
    stranger = bearer((await log_in(colleague)).access_token)
    [me] = (await auth.ListMembers(pb.ListMembersRequest(), metadata=owner)).members
    await expect(pb.RemoveMemberRequest(member_id=me.id), stranger, "MEMBER_NOT_FOUND")
    request = pb.ChangeMemberRoleRequest(member_id=me.id, role=pb.ROLE_STAFF)
    await expect(request, stranger, "MEMBER_NOT_FOUND")


async def test_a_business_is_changed_only_as_it_was_seen(
    auth: AuthServiceStub, owner: Any, expect: Any, process: Any
) -> None:
    seen = (await auth.GetBusiness(pb.GetBusinessRequest(), metadata=owner)).business
    change = pb.UpdateBusinessRequest(name="Ada & Daughters", currency_code="USD", version=seen.version)
    after = (await auth.UpdateBusiness(change, metadata=owner)).business
    assert (after.name, after.currency_code, after.version) == ("Ada & Daughters", "USD", seen.version + 1)
    assert after == (await auth.GetBusiness(pb.GetBusinessRequest(), metadata=owner)).business
    error = await expect(change, owner, "VERSION_STALE")
    assert error.kind is Kind.FAILED_PRECONDITION
    await expect(pb.UpdateBusinessRequest(currency_code="XXX"), owner, "CURRENCY_UNKNOWN")
    [me] = (await auth.ListMembers(pb.ListMembersRequest(), metadata=owner)).members
    assert (await _told(process, MemberChanged, me.id))[-1].business.name == "Ada & Daughters"
    assert [event.business for event in await _told(process, BusinessChanged, seen.id)] == [after]


async def test_an_api_key_gives_its_scopes_and_is_kept_hashed(
    auth: AuthServiceStub, owner: Any, gateway: Any, keyring: Any, process: Any, expect: Any
) -> None:
    request = pb.CreateApiKeyRequest(name="till", scopes=["invoices:read", "invoices:write"])
    metadata = (*owner, ("idempotency-key", "a-key"))
    made = await auth.CreateApiKey(request, metadata=metadata)
    assert made == await auth.CreateApiKey(request, metadata=metadata)
    assert made.key.startswith(made.api_key.prefix)
    assert made.key.endswith(made.api_key.last4)
    token = (await auth.ExchangeApiKey(pb.ExchangeApiKeyRequest(key=made.key), metadata=gateway)).access_token
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}
    claims = verify(token, keys, audience="whatsinvoice")
    assert claims.scopes == {"invoices:read", "invoices:write"}
    assert claims.session_id == made.api_key.id
    for table in ("api_keys", "idempotency_keys"):
        async with process.unit_of_work.read() as tx:
            rows = (await tx.execute(text(f"SELECT * FROM auth.{table}"))).all()  # noqa: S608  (a name of ours)
        assert made.key not in str(rows)
    for rpc in (pb.LogoutAllRequest(), pb.CreateApiKeyRequest(), pb.ListMembersRequest(), pb.ListSessionsRequest()):
        await expect(rpc, bearer(token), "NOT_ALLOWED")


async def test_a_key_cannot_do_more_than_its_creator_nor_manage_people(
    auth: AuthServiceStub, owner: Any, expect: Any, gateway: Any
) -> None:
    for scopes in ([], ["members:write"], ["account:self"], ["nonsense"]):
        await expect(pb.CreateApiKeyRequest(name="till", scopes=scopes), owner, "SCOPE_UNKNOWN")
    made = await auth.CreateApiKey(pb.CreateApiKeyRequest(name="till", scopes=["invoices:read"]), metadata=owner)
    await auth.RevokeApiKey(pb.RevokeApiKeyRequest(api_key_id=made.api_key.id), metadata=owner)
    await expect(pb.ExchangeApiKeyRequest(key=made.key), gateway, "API_KEY_INVALID")
    await expect(pb.RevokeApiKeyRequest(api_key_id=made.api_key.id), owner, "API_KEY_NOT_FOUND")
    assert list((await auth.ListApiKeys(pb.ListApiKeysRequest(), metadata=owner)).api_keys) == []
