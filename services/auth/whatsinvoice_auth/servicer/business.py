"""The business, its people and its API keys."""

from typing import Any

from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_auth import domain
from whatsinvoice_auth.domain import ApiKey, Role
from whatsinvoice_auth.events import ROLES, business_message, invitation_message, stamp
from whatsinvoice_auth.service import invitations, keys, members
from whatsinvoice_auth.service.sessions import member_of
from whatsinvoice_auth.servicer.part import Part, member_message, next_page, user_id

_ROLES = {number: role for role, number in ROLES.items()}


class BusinessRpcs(Part):
    """What belongs to the caller's business."""

    async def GetBusiness(self, request: pb.GetBusinessRequest, context: Any) -> pb.GetBusinessResponse:
        async with self._unit_of_work.read() as tx:
            member = await member_of(tx, user_id(), current_call().business_id)
        return pb.GetBusinessResponse(business=business_message(member.business))

    async def UpdateBusiness(self, request: pb.UpdateBusinessRequest, context: Any) -> pb.UpdateBusinessResponse:
        name = request.name if request.HasField("name") else None
        currency = request.currency_code if request.HasField("currency_code") else None
        async with self._unit_of_work.begin() as tx:
            business_id = current_call().business_id
            business = await members.update_business(tx, user_id(), business_id, name, currency, request.version)
        return pb.UpdateBusinessResponse(business=business_message(business))

    async def ListMembers(self, request: pb.ListMembersRequest, context: Any) -> pb.ListMembersResponse:
        page = request.page
        async with self._unit_of_work.read() as tx:
            business_id = current_call().business_id
            found, offered, cursor = await members.list_members(tx, business_id, page.limit, page.cursor)
        return pb.ListMembersResponse(
            members=map(member_message, found), invitations=map(invitation_message, offered), page=next_page(cursor)
        )

    async def InviteMember(self, request: pb.InviteMemberRequest, context: Any) -> pb.InviteMemberResponse:
        given = invitations.Offer(request.phone, request.name, _role(request.role))

        async def work(tx: Transaction) -> pb.InviteMemberResponse:
            business_id = current_call().business_id
            made = await invitations.invite(tx, user_id(), business_id, given, self._use.invitations_daily)
            return pb.InviteMemberResponse(invitation=invitation_message(made))

        return await self._idempotency.once(request, pb.InviteMemberResponse, work)

    async def ChangeMemberRole(self, request: pb.ChangeMemberRoleRequest, context: Any) -> pb.ChangeMemberRoleResponse:
        role = _role(request.role)
        async with self._unit_of_work.begin() as tx:
            business_id = current_call().business_id
            member = await members.change_role(tx, user_id(), business_id, request.member_id, role)
        return pb.ChangeMemberRoleResponse(member=member_message(member))

    async def RemoveMember(self, request: pb.RemoveMemberRequest, context: Any) -> pb.RemoveMemberResponse:
        async with self._unit_of_work.begin() as tx:
            await members.remove(tx, user_id(), current_call().business_id, request.member_id)
        return pb.RemoveMemberResponse()

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, context: Any) -> pb.CreateApiKeyResponse:
        call = current_call()
        held = call.identity.scopes if call.identity else frozenset()
        creator = keys.Creator(user_id(), call.business_id, held)
        given = keys.NewKey(request.name, request.scopes, request.daily_refund_minor)

        async def work(tx: Transaction) -> pb.CreateApiKeyResponse:
            key = await self._use.api_keys.create(tx, creator, given)
            return pb.CreateApiKeyResponse(api_key=_api_key(key))

        response = await self._idempotency.once(request, pb.CreateApiKeyResponse, work)
        response.key = self._use.api_keys.text_of(response.api_key.id)  # never in what is kept for a repeat
        return response

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, context: Any) -> pb.ListApiKeysResponse:
        page = request.page
        async with self._unit_of_work.read() as tx:
            found, cursor = await keys.list_keys(tx, current_call().business_id, page.limit, page.cursor)
        return pb.ListApiKeysResponse(api_keys=[_api_key(key) for key in found], page=next_page(cursor))

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, context: Any) -> pb.RevokeApiKeyResponse:
        async with self._unit_of_work.begin() as tx:
            await keys.revoke_key(tx, current_call().business_id, request.api_key_id)
        return pb.RevokeApiKeyResponse()

    async def ExchangeApiKey(self, request: pb.ExchangeApiKeyRequest, context: Any) -> pb.ExchangeApiKeyResponse:
        async with self._unit_of_work.read() as tx:
            token = await self._use.api_keys.exchange(tx, request.key)
        return pb.ExchangeApiKeyResponse(access_token=token, expires_in=domain.KEY_SECONDS)


def _role(number: int) -> Role:
    role = _ROLES.get(pb.Role.ValueType(number))
    if role is None:
        raise invalid("role", "ROLE_INVALID", "use owner, admin, staff or accountant")
    return role


def _api_key(key: ApiKey) -> pb.ApiKey:
    return pb.ApiKey(
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        prefix=key.prefix,
        last4=key.last4,
        create_time=stamp(key.created_at),
        daily_refund_minor=key.daily_refund_minor,
    )
