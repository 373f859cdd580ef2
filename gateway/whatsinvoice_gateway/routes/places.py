"""Places of the caller: invitations to the caller's phone, and the businesses that the caller belongs to."""

from fastapi import APIRouter
from starlette.responses import Response
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.edge.idempotency import idempotent
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.account import InvitationOut, PlacesOut
from whatsinvoice_gateway.schemas.auth import PlaceOut
from whatsinvoice_gateway.schemas.base import Page, answer, problems
from whatsinvoice_gateway.schemas.business import MemberOut

routes = APIRouter(prefix="/v1", tags=["business"], dependencies=[signed_in])
ENDED = problems(400, 401, 403, 404, 409, 503)


@routes.get("/businesses", response_model=PlacesOut, responses=problems(401, 403, 503))
async def list_businesses(services: ServicesDep) -> Response:
    found = await services.as_user("auth", services.auth.ListBusinesses, pb.ListBusinessesRequest())
    return answer(PlacesOut(data=[PlaceOut.of(place) for place in found.places]))


@routes.get("/invitations", response_model=Page[InvitationOut], responses=problems(401, 403, 422, 503))
async def list_invitations(page: PageDep, services: ServicesDep) -> Response:
    found = await services.as_user("auth", services.auth.ListInvitations, pb.ListInvitationsRequest(page=page))
    data = [InvitationOut.of(one) for one in found.invitations]
    return answer(Page[InvitationOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.post(
    "/invitations/{invitation_id}/accept", response_model=MemberOut, responses=ENDED, dependencies=[idempotent]
)
async def accept_invitation(invitation_id: str, services: ServicesDep) -> Response:
    """Take the place that is offered; the session stays where it is until it is switched."""
    request = pb.AcceptInvitationRequest(invitation_id=invitation_id)
    return answer(MemberOut.of((await services.as_user("auth", services.auth.AcceptInvitation, request)).member))


@routes.post("/invitations/{invitation_id}/decline", status_code=204, responses=ENDED, dependencies=[idempotent])
async def decline_invitation(invitation_id: str, services: ServicesDep) -> Response:
    request = pb.DeclineInvitationRequest(invitation_id=invitation_id)
    await services.as_user("auth", services.auth.DeclineInvitation, request)
    return Response(status_code=204)
