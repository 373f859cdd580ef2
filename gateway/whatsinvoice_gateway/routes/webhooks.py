"""Providers' webhooks: the raw body goes to its service, which checks the signature and stores it before our 200."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import PlainTextResponse, Response
from whatsinvoice.notifications.v1 import notifications_pb2
from whatsinvoice.payments.v1 import payments_pb2

from whatsinvoice_gateway.routes.access import ServicesDep
from whatsinvoice_gateway.schemas.base import problems

routes = APIRouter(prefix="/webhooks", tags=["providers"])


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    """The body for the documentation alone: it is read as it came, for the signature is of these bytes."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_EVENT = {"event": {"type": "string"}, "data": {"type": "object"}}
PAYSTACK_EVENT = _json({"type": "object", "properties": _EVENT, "required": list(_EVENT)})
WHATSAPP_EVENT = _json({"type": "object"})


@routes.post(
    "/paystack",
    responses=problems(400, 401, 403, 413, 503),
    response_class=PlainTextResponse,
    openapi_extra=PAYSTACK_EVENT,
)
async def paystack(
    request: Request, services: ServicesDep, signature: Annotated[str, Header(alias="x-paystack-signature")] = ""
) -> Response:
    sender = request.client.host if request.client else ""  # behind trusted proxies alone what they tell
    message = payments_pb2.ReceivePaystackWebhookRequest(
        body=await request.body(), signature=signature, source_address=sender
    )
    await services.as_gateway("payments", services.payments.ReceivePaystackWebhook, message)
    return PlainTextResponse("")


@routes.post(
    "/whatsapp", responses=problems(400, 401, 413, 503), response_class=PlainTextResponse, openapi_extra=WHATSAPP_EVENT
)
async def whatsapp(
    request: Request, services: ServicesDep, signature: Annotated[str, Header(alias="X-Hub-Signature-256")] = ""
) -> Response:
    message = notifications_pb2.ReceiveWhatsAppWebhookRequest(body=await request.body(), signature=signature)
    await services.as_gateway("notifications", services.notifications.ReceiveWhatsAppWebhook, message)
    return PlainTextResponse("")


@routes.get("/whatsapp", responses=problems(403, 503), response_class=PlainTextResponse)
async def verify_whatsapp(
    services: ServicesDep,
    mode: Annotated[str, Query(alias="hub.mode", max_length=64)] = "",
    verify_token: Annotated[str, Query(alias="hub.verify_token", max_length=256)] = "",
    challenge: Annotated[str, Query(alias="hub.challenge", max_length=256)] = "",
) -> Response:
    message = notifications_pb2.VerifyWhatsAppWebhookRequest(mode=mode, verify_token=verify_token, challenge=challenge)
    found = await services.as_gateway("notifications", services.notifications.VerifyWhatsAppWebhook, message)
    return PlainTextResponse(found.challenge)
