"""Messages that the caller's business has sent."""

from fastapi import APIRouter
from starlette.responses import Response
from whatsinvoice.notifications.v1 import notifications_pb2 as pb

from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.base import Page, answer, problems
from whatsinvoice_gateway.schemas.messages import MessageOut

routes = APIRouter(prefix="/v1/messages", tags=["messages"], dependencies=[signed_in])


@routes.get("", response_model=Page[MessageOut], responses=problems(401, 403, 422, 503))
async def list_messages(page: PageDep, services: ServicesDep) -> Response:
    request = pb.ListMessagesRequest(page=page)
    found = await services.as_user("notifications", services.notifications.ListMessages, request)
    data = [MessageOut.of(message) for message in found.messages]
    return answer(Page[MessageOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/{message_id}", response_model=MessageOut, responses=problems(401, 403, 404, 503))
async def get_message(message_id: str, services: ServicesDep) -> Response:
    request = pb.GetMessageRequest(message_id=message_id)
    found = await services.as_user("notifications", services.notifications.GetMessage, request)
    return answer(MessageOut.of(found.message))
