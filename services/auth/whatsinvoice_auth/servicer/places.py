"""A person's places: invitations, the businesses that the person belongs to, choosing one and leaving one."""

from typing import Any

from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_auth.events import business_message, invitation_message, place_messages
from whatsinvoice_auth.service import invitations, members
from whatsinvoice_auth.service.sessions import places_of
from whatsinvoice_auth.servicer.part import Part, member_message, next_page, session_id, user_id


class PlaceRpcs(Part):
    """RPCs of a person across businesses."""

    async def ListInvitations(self, request: pb.ListInvitationsRequest, context: Any) -> pb.ListInvitationsResponse:
        page = request.page
        async with self._across.begin() as tx:
            found, cursor = await invitations.list_invitations(tx, user_id(), page.limit, page.cursor)
        return pb.ListInvitationsResponse(invitations=map(invitation_message, found), page=next_page(cursor))

    async def AcceptInvitation(self, request: pb.AcceptInvitationRequest, context: Any) -> pb.AcceptInvitationResponse:
        async def work(tx: Transaction) -> pb.AcceptInvitationResponse:
            member = await invitations.accept(tx, user_id(), request.invitation_id)
            return pb.AcceptInvitationResponse(
                member=member_message(member), business=business_message(member.business)
            )

        return await self._across_idempotency.once(request, pb.AcceptInvitationResponse, work)

    async def DeclineInvitation(
        self, request: pb.DeclineInvitationRequest, context: Any
    ) -> pb.DeclineInvitationResponse:
        async def work(tx: Transaction) -> pb.DeclineInvitationResponse:
            await invitations.decline(tx, user_id(), request.invitation_id)
            return pb.DeclineInvitationResponse()

        return await self._across_idempotency.once(request, pb.DeclineInvitationResponse, work)

    async def ListBusinesses(self, request: pb.ListBusinessesRequest, context: Any) -> pb.ListBusinessesResponse:
        async with self._across.read() as tx:
            return pb.ListBusinessesResponse(places=place_messages(await places_of(tx, user_id())))

    async def SwitchBusiness(self, request: pb.SwitchBusinessRequest, context: Any) -> pb.SwitchBusinessResponse:
        use = self._use.sessions
        async with self._across.begin() as tx:
            token = await use.switch(tx, user_id(), session_id(), request.business_id)
        return pb.SwitchBusinessResponse(access_token=token, expires_in=use.access_seconds)

    async def LeaveBusiness(self, request: pb.LeaveBusinessRequest, context: Any) -> pb.LeaveBusinessResponse:
        async def work(tx: Transaction) -> pb.LeaveBusinessResponse:
            await members.leave(tx, user_id(), current_call().business_id)
            return pb.LeaveBusinessResponse()

        return await self._idempotency.once(request, pb.LeaveBusinessResponse, work)
