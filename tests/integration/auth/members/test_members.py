"""Members, their business and its API keys."""

from typing import Any

import pytest
from sqlalchemy import text
from support.identity import a_phone
from support.keys import Keyring
from support.services import bearer
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, MemberChanged, MemberInvited, PlaceChosen
from whatsinvoice.common.v1.common_pb2 import PageRequest
from whatsinvoice_auth.domain import SCOPES, Role
from whatsinvoice_kit.core.errors import Kind
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.core.roles import KEY_SCOPES
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, public_half, verify


async def _business_id(auth: AuthServiceStub, metadata: Any) -> str:
    return (await auth.GetMe(pb.GetMeRequest(), metadata=metadata)).business.id


async def _invite(auth: AuthServiceStub, owner: Any, phone: str, role: Any = pb.ROLE_STAFF) -> pb.Invitation:
    request = pb.InviteMemberRequest(phone=phone, name="Bola Ade", role=role)
    return (await auth.InviteMember(request, metadata=owner)).invitation


@pytest.fixture
async def colleague(register: Any) -> str:
    """The phone of another registered merchant."""
    phone = a_phone()
    await register(phone, name="Bola Ade", business_name="Bola Bakes")
    return phone


@pytest.fixture
def join(auth: AuthServiceStub, owner: Any, log_in: Any) -> Any:
    """A function that takes a registered phone into the owner's business."""

    async def join(phone: str, role: Any = pb.ROLE_STAFF) -> pb.Member:
        offered = await _invite(auth, owner, phone, role)
        person = bearer((await log_in(phone)).access_token)
        accept = pb.AcceptInvitationRequest(invitation_id=offered.id)
        return (await auth.AcceptInvitation(accept, metadata=person)).member

    return join


@pytest.fixture
async def joined_admin(colleague: str, join: Any) -> tuple[str, pb.Member]:
    """The colleague's phone and place as an admin of the owner's business."""
    return colleague, await join(colleague, pb.ROLE_ADMIN)


async def _told(process: Any, message_type: Any, aggregate_id: str) -> list[Any]:
    """The events of one type about something, in order."""
    query = text("SELECT payload FROM auth.outbox WHERE event_type = :type ORDER BY sequence")
    async with process.unit_of_work.read() as tx:
        rows = await tx.execute(query, {"type": message_type.__name__})
        found = [message_type.FromString(row) for row in rows.scalars()]
    return [event for event in found if event.aggregate_id == aggregate_id]


async def test_f01_an_invitation_takes_nobody_anywhere_before_it_is_accepted(
    auth: AuthServiceStub, owner: Any, register: Any, log_in: Any, process: Any
) -> None:
    phone = a_phone()
    offered = await _invite(auth, owner, phone)
    own = await register(phone, business_name="Bola Bakes")
    tokens = await log_in(phone)
    person = bearer(tokens.access_token)
    me = await auth.GetMe(pb.GetMeRequest(), metadata=person)
    assert (me.business.id, me.role) == (own.business.id, pb.ROLE_OWNER)
    assert [place.business_id for place in me.places] == [own.business.id]
    [event] = await _told(process, MemberInvited, offered.id)
    assert (event.invitation.inviter_name, event.invitation.business_name) == ("Ada Obi", "Ada Designs")
    [shown] = (await auth.ListInvitations(pb.ListInvitationsRequest(), metadata=person)).invitations
    assert shown == offered


async def test_f01_who_accepts_goes_on_acting_for_the_own_business_until_choosing_another(
    auth: AuthServiceStub, owner: Any, colleague: str, join: Any, log_in: Any, process: Any, keyring: Keyring
) -> None:
    member = await join(colleague)
    there = await _business_id(auth, owner)
    [event] = await _told(process, MemberChanged, member.id)
    assert (event.active, event.role, event.business_id) == (True, pb.ROLE_STAFF, there)
    tokens = await log_in(colleague)
    person = bearer(tokens.access_token)
    places = (await auth.ListBusinesses(pb.ListBusinessesRequest(), metadata=person)).places
    assert [(place.business_name, place.chosen) for place in places] == [("Bola Bakes", True), ("Ada Designs", False)]
    request = pb.SwitchBusinessRequest(business_id=there)
    switched = (await auth.SwitchBusiness(request, metadata=person)).access_token
    assert await _business_id(auth, bearer(switched)) == there
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}
    claims = verify(switched, keys, audience="whatsinvoice")
    assert "payments:write" not in claims.scopes, "the scopes of the role there"
    assert await _business_id(auth, bearer((await log_in(colleague)).access_token)) == there
    chosen = await _told(process, PlaceChosen, claims.subject)
    assert [event.business_id for event in chosen][-1] == there
    assert chosen[-1].aggregate_version > chosen[0].aggregate_version


async def test_f01_switching_ends_the_session_s_earlier_tokens_and_keeps_its_refresh_token(
    auth: AuthServiceStub, owner: Any, colleague: str, join: Any, log_in: Any, gateway: Any, expect: Any
) -> None:
    await join(colleague)
    there, tokens = await _business_id(auth, owner), await log_in(colleague)
    person = bearer(tokens.access_token)
    [session] = [
        session
        for session in (await auth.ListSessions(pb.ListSessionsRequest(), metadata=person)).sessions
        if session.current
    ]
    await auth.SwitchBusiness(pb.SwitchBusinessRequest(business_id=there), metadata=person)
    stream: Any = auth.WatchRevocations(pb.WatchRevocationsRequest(), metadata=gateway)
    assert session.id in {ended.id for ended in (await stream.read()).revocations}
    stream.cancel()
    child = await auth.Refresh(pb.RefreshRequest(refresh_token=tokens.refresh_token), metadata=gateway)
    assert await _business_id(auth, bearer(child.tokens.access_token)) == there
    await expect(
        pb.SwitchBusinessRequest(business_id=new_id("biz")), bearer(child.tokens.access_token), "BUSINESS_NOT_FOUND"
    )


async def test_f01_everybody_may_leave_but_the_last_owner(
    auth: AuthServiceStub, owner: Any, colleague: str, join: Any, log_in: Any, expect: Any, gateway: Any
) -> None:
    for role in (pb.ROLE_ADMIN, pb.ROLE_STAFF, pb.ROLE_ACCOUNTANT):
        await join(colleague, role)
        there = await log_in(colleague, business_id=await _business_id(auth, owner))
        await auth.LeaveBusiness(pb.LeaveBusinessRequest(), metadata=bearer(there.access_token))
        await expect(pb.RefreshRequest(refresh_token=there.refresh_token), gateway, "REFRESH_TOKEN_INVALID")
    assert len((await auth.ListMembers(pb.ListMembersRequest(), metadata=owner)).members) == 1
    await expect(pb.LeaveBusinessRequest(), owner, "LAST_OWNER")


async def test_f01_only_the_invited_phone_answers_an_invitation_and_once(
    auth: AuthServiceStub, owner: Any, colleague: str, register: Any, log_in: Any, expect: Any
) -> None:
    eve = a_phone()
    await register(eve)
    stranger, person = [bearer((await log_in(phone)).access_token) for phone in (eve, colleague)]
    offered = await _invite(auth, owner, colleague)
    accept = pb.AcceptInvitationRequest(invitation_id=offered.id)
    decline = pb.DeclineInvitationRequest(invitation_id=offered.id)
    for request in (accept, decline):
        await expect(request, stranger, "INVITATION_NOT_FOUND")
        await expect(request, owner, "INVITATION_NOT_FOUND")
    await auth.DeclineInvitation(decline, metadata=person)
    for request in (accept, decline):
        await expect(request, person, "INVITATION_NOT_FOUND")
    withdrawn = await _invite(auth, owner, colleague)
    await auth.RemoveMember(pb.RemoveMemberRequest(member_id=withdrawn.id), metadata=owner)
    await expect(pb.AcceptInvitationRequest(invitation_id=withdrawn.id), person, "INVITATION_NOT_FOUND")


async def test_f09_an_invitation_says_nothing_of_a_phone_that_the_inviter_did_not_give(
    auth: AuthServiceStub, owner: Any, colleague: str, expect: Any
) -> None:
    stranger = a_phone()
    answers = []
    for phone in (colleague, stranger):
        made = (
            await auth.InviteMember(pb.InviteMemberRequest(phone=phone, role=pb.ROLE_STAFF), metadata=owner)
        ).invitation
        answers.append({field.name for field, _ in made.ListFields()})
        assert (made.phone, made.name) == (phone, "")
    assert answers[0] == answers[1]
    listed = (await auth.ListMembers(pb.ListMembersRequest(), metadata=owner)).invitations
    assert {one.phone: one.name for one in listed} == {colleague: "", stranger: ""}
    await expect(pb.InviteMemberRequest(phone=stranger, role=pb.ROLE_STAFF), owner, "INVITATION_EXISTS")


async def test_f09_a_business_sends_twenty_invitations_a_day(auth: AuthServiceStub, owner: Any, expect: Any) -> None:
    for _ in range(20):
        made = await _invite(auth, owner, a_phone())
        await auth.RemoveMember(pb.RemoveMemberRequest(member_id=made.id), metadata=owner)
    error = await expect(pb.InviteMemberRequest(phone=a_phone(), role=pb.ROLE_STAFF), owner, "DAILY_LIMIT_REACHED")
    assert error.retry_after > 0


async def test_members_come_before_invitations_over_pages(
    auth: AuthServiceStub, owner: Any, join: Any, colleague: str
) -> None:
    await join(colleague)
    offered = [await _invite(auth, owner, a_phone()) for _ in range(3)]
    pages, cursor = [], ""
    while True:
        page = PageRequest(limit=2, cursor=cursor)
        found = await auth.ListMembers(pb.ListMembersRequest(page=page), metadata=owner)
        pages.append([*(one.id for one in found.members), *(one.id for one in found.invitations)])
        cursor = found.page.next_cursor
        if not cursor:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [*pages[1], *pages[2]] == [one.id for one in reversed(offered)]


async def test_who_cannot_be_invited(auth: AuthServiceStub, owner: Any, verified: str, expect: Any) -> None:
    for role in (pb.ROLE_OWNER, pb.ROLE_UNSPECIFIED):
        request = pb.InviteMemberRequest(phone=a_phone(), name="Bola Ade", role=role)
        await expect(request, owner, "ROLE_INVALID")
    await expect(pb.InviteMemberRequest(phone=verified, role=pb.ROLE_STAFF), owner, "MEMBER_EXISTS")


async def test_a_removed_member_loses_sessions_and_keys_of_that_business(
    auth: AuthServiceStub, owner: Any, joined_admin: Any, log_in: Any, gateway: Any, expect: Any, confirmed: Any
) -> None:
    colleague, member = joined_admin
    own = await log_in(colleague)
    there = await log_in(colleague, business_id=await _business_id(auth, owner))
    key = await auth.CreateApiKey(
        pb.CreateApiKeyRequest(name="till", scopes=["invoices:read"]),
        metadata=await confirmed(bearer(there.access_token)),
    )
    await auth.RemoveMember(pb.RemoveMemberRequest(member_id=member.id), metadata=owner)
    await expect(pb.RefreshRequest(refresh_token=there.refresh_token), gateway, "REFRESH_TOKEN_INVALID")
    await expect(pb.ExchangeApiKeyRequest(key=key.key), gateway, "API_KEY_INVALID")
    await auth.Refresh(pb.RefreshRequest(refresh_token=own.refresh_token), metadata=gateway)


async def test_a_removal_is_told_as_the_member_s_next_version(
    auth: AuthServiceStub, owner: Any, joined_admin: Any, process: Any
) -> None:
    _, member = joined_admin
    await auth.RemoveMember(pb.RemoveMemberRequest(member_id=member.id), metadata=owner)
    events = await _told(process, MemberChanged, member.id)
    assert [(event.active, event.aggregate_version) for event in events] == [(True, 1), (False, 2)]


async def test_another_role_is_another_set_of_scopes_at_the_next_login(
    auth: AuthServiceStub,
    owner: Any,
    joined_admin: Any,
    log_in: Any,
    gateway: Any,
    expect: Any,
    *,
    keyring: Any,
    process: Any,
) -> None:
    colleague, member = joined_admin
    business_id = await _business_id(auth, owner)
    before = await log_in(colleague, business_id=business_id)
    request = pb.ChangeMemberRoleRequest(member_id=member.id, role=pb.ROLE_ACCOUNTANT)
    await auth.ChangeMemberRole(request, metadata=owner)
    await expect(pb.RefreshRequest(refresh_token=before.refresh_token), gateway, "REFRESH_TOKEN_INVALID")
    after = await log_in(colleague, business_id=business_id)
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}
    old, new = (verify(pair.access_token, keys, audience="whatsinvoice") for pair in (before, after))
    assert (set(old.scopes), set(new.scopes)) == (set(SCOPES[Role.ADMIN]), set(SCOPES[Role.ACCOUNTANT]))
    async with process.unit_of_work.read() as tx:
        query = text("SELECT count(*) FROM auth.revocations WHERE subject_id = :id")
        told = (await tx.execute(query, {"id": old.session_id})).scalar_one()
    assert told == 1, "the old token ends with its session"


@pytest.mark.parametrize("role", [Role.STAFF, Role.ACCOUNTANT, Role.OWNER])
async def test_f43_an_api_key_follows_the_role_of_its_creator(
    auth: AuthServiceStub,
    owner: Any,
    joined_admin: Any,
    log_in: Any,
    gateway: Any,
    confirmed: Any,
    *,
    keyring: Any,
    role: Role,
) -> None:
    """A key never carries more than its creator holds now; with the old role it has its scopes again."""
    colleague, member = joined_admin
    there = await log_in(colleague, business_id=await _business_id(auth, owner))
    wanted = sorted(set(SCOPES[Role.ADMIN]) & set(KEY_SCOPES))
    request = pb.CreateApiKeyRequest(name="till", scopes=wanted, daily_refund_minor=1_000)
    made = await auth.CreateApiKey(request, metadata=await confirmed(bearer(there.access_token)))
    keys = {USER_ISSUER: {keyring.users["kid"]: public_half(keyring.users)}}

    async def exchanged() -> Any:
        got = await auth.ExchangeApiKey(pb.ExchangeApiKeyRequest(key=made.key), metadata=gateway)
        return verify(got.access_token, keys, audience="whatsinvoice").scopes

    assert sorted(await exchanged()) == wanted
    for now_has in (role, Role.ADMIN):
        change = pb.ChangeMemberRoleRequest(member_id=member.id, role=pb.Role.Value(f"ROLE_{now_has.name}"))
        await auth.ChangeMemberRole(change, metadata=owner)
        assert await exchanged() == set(wanted) & set(SCOPES[now_has])


async def test_the_last_owner_stays(auth: AuthServiceStub, owner: Any, expect: Any, colleague: str, join: Any) -> None:
    [me] = (await auth.ListMembers(pb.ListMembersRequest(), metadata=owner)).members
    await expect(pb.RemoveMemberRequest(member_id=me.id), owner, "LAST_OWNER")
    await expect(pb.ChangeMemberRoleRequest(member_id=me.id, role=pb.ROLE_STAFF), owner, "LAST_OWNER")
    other = await join(colleague)
    await auth.ChangeMemberRole(pb.ChangeMemberRoleRequest(member_id=other.id, role=pb.ROLE_OWNER), metadata=owner)
    await auth.RemoveMember(pb.RemoveMemberRequest(member_id=me.id), metadata=owner)


async def test_another_business_has_other_members(
    auth: AuthServiceStub, owner: Any, colleague: str, log_in: Any, expect: Any, confirmed: Any
) -> None:
    stranger = await confirmed(bearer((await log_in(colleague)).access_token))
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
