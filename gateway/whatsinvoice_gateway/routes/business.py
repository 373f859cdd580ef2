"""The caller's business and the people in it."""

from fastapi import APIRouter
from starlette.responses import Response
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.edge.etags import SeenVersion
from whatsinvoice_gateway.edge.idempotency import idempotency_required, idempotent
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.auth import BusinessOut
from whatsinvoice_gateway.schemas.base import Page, answer, problems
from whatsinvoice_gateway.schemas.business import BusinessPatch, MemberIn, MemberOut, MemberPatch, role_number

routes = APIRouter(prefix="/v1/business", tags=["business"], dependencies=[signed_in])


def _business(message: pb.Business) -> Response:
    return answer(BusinessOut.of(message), etag=f'"{message.version}"')


@routes.get("", response_model=BusinessOut, responses=problems(401, 403, 503))
async def get_business(services: ServicesDep) -> Response:
    return _business((await services.as_user("auth", services.auth.GetBusiness, pb.GetBusinessRequest())).business)


@routes.patch("", response_model=BusinessOut, responses=problems(400, 401, 403, 412, 422, 503))
async def update_business(body: BusinessPatch, seen: SeenVersion, services: ServicesDep) -> Response:
    found = await services.as_user("auth", services.auth.UpdateBusiness, body.message(seen))
    return _business(found.business)


@routes.get("/members", response_model=Page[MemberOut], responses=problems(401, 403, 422, 503))
async def list_members(page: PageDep, services: ServicesDep) -> Response:
    found = await services.as_user("auth", services.auth.ListMembers, pb.ListMembersRequest(page=page))
    data = [MemberOut.of(member) for member in found.members] + [MemberOut.invited(one) for one in found.invitations]
    return answer(Page[MemberOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.post(
    "/members",
    status_code=201,
    response_model=MemberOut,
    responses=problems(401, 403, 409, 422, 429),
    dependencies=[idempotency_required],
)
async def invite_member(body: MemberIn, services: ServicesDep) -> Response:
    found = await services.as_user("auth", services.auth.InviteMember, body.message())
    return answer(MemberOut.invited(found.invitation), 201)


@routes.post("/leave", status_code=204, responses=problems(401, 403, 409, 503), dependencies=[idempotent])
async def leave_business(services: ServicesDep) -> Response:
    """End one's own place in the business; the last owner cannot."""
    await services.as_user("auth", services.auth.LeaveBusiness, pb.LeaveBusinessRequest())
    return Response(status_code=204)


@routes.patch("/members/{member_id}", response_model=MemberOut, responses=problems(400, 401, 403, 404, 409, 422, 503))
async def change_member_role(member_id: str, body: MemberPatch, services: ServicesDep) -> Response:
    request = pb.ChangeMemberRoleRequest(member_id=member_id, role=role_number(body.role))
    found = await services.as_user("auth", services.auth.ChangeMemberRole, request)
    return answer(MemberOut.of(found.member))


@routes.delete("/members/{member_id}", status_code=204, responses=problems(401, 403, 404, 409, 503))
async def remove_member(member_id: str, services: ServicesDep) -> Response:
    await services.as_user("auth", services.auth.RemoveMember, pb.RemoveMemberRequest(member_id=member_id))
    return Response(status_code=204)
