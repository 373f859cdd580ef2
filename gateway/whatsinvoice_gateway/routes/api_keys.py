"""API keys of the caller's business."""

from fastapi import APIRouter
from starlette.responses import Response
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.edge.idempotency import idempotent
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.base import Page, answer, problems
from whatsinvoice_gateway.schemas.business import ApiKeyIn, ApiKeyOut, NewApiKeyOut

routes = APIRouter(prefix="/v1/api-keys", tags=["business"], dependencies=[signed_in])


@routes.post(
    "", status_code=201, response_model=NewApiKeyOut, responses=problems(401, 403, 409, 422), dependencies=[idempotent]
)
async def create_api_key(body: ApiKeyIn, services: ServicesDep) -> Response:
    request = pb.CreateApiKeyRequest(
        name=body.name, scopes=body.scopes, daily_refund_minor=body.daily_refund_minor or 0
    )
    return answer(NewApiKeyOut.made(await services.as_user("auth", services.auth.CreateApiKey, request)), 201)


@routes.get("", response_model=Page[ApiKeyOut], responses=problems(401, 403, 422, 503))
async def list_api_keys(page: PageDep, services: ServicesDep) -> Response:
    found = await services.as_user("auth", services.auth.ListApiKeys, pb.ListApiKeysRequest(page=page))
    data = [ApiKeyOut.of(key) for key in found.api_keys]
    return answer(Page[ApiKeyOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.delete("/{api_key_id}", status_code=204, responses=problems(401, 403, 404, 503))
async def revoke_api_key(api_key_id: str, services: ServicesDep) -> Response:
    await services.as_user("auth", services.auth.RevokeApiKey, pb.RevokeApiKeyRequest(api_key_id=api_key_id))
    return Response(status_code=204)
