"""Meta's HTTP API under one version: messages, media up and down, message templates."""

import hmac
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import Response

from whatsinvoice_sandbox.faults import FaultyRoute
from whatsinvoice_sandbox.phones import NotANumber, Phone
from whatsinvoice_sandbox.world import Here, World

from . import limits
from .content import Reader
from .errors import BAD_REQUEST, BAD_TOKEN, INVALID, SELF_SEND, UNKNOWN_OBJECT, WINDOW_CLOSED, MetaError


def _check_token(request: Request, world: Here) -> None:
    given = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {world.settings.whatsapp_access_token}".encode()):
        raise MetaError(BAD_TOKEN, "The access token could not be decrypted")


router = APIRouter(route_class=FaultyRoute, dependencies=[Depends(_check_token)])


def _own_number(phone_number_id: str, world: Here) -> World:
    if phone_number_id != world.settings.whatsapp_phone_number_id:
        raise MetaError(UNKNOWN_OBJECT, f"Object with ID '{phone_number_id}' does not exist")
    return world


OfNumber = Annotated[World, Depends(_own_number)]


async def _json_body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise MetaError(BAD_REQUEST, "The body is not well-formed JSON") from error
    if not isinstance(body, dict):
        raise MetaError(BAD_REQUEST, "The body is not a JSON object")
    return body


Body = Annotated[dict[str, Any], Depends(_json_body)]


@router.post("/{phone_number_id}/messages", name="messages")  # noqa: FAST003  OfNumber reads it
async def send_message(body: Body, world: OfNumber) -> dict[str, Any]:
    if body.get("messaging_product") != "whatsapp":
        raise MetaError(BAD_REQUEST, "The parameter messaging_product must be whatsapp.")
    if "status" in body:
        return _mark_read(body, world)
    phone, by_number = _recipient(body, world)
    callback_data = limits.optional_text(body, "biz_opaque_callback_data", limits.CALLBACK_DATA)
    content = await Reader(world.media, world.templates).read(body)
    if body.get("context") is not None:
        content["reply_to"] = limits.text(limits.part(body, "context"), "message_id", limits.BUTTON_ID)
    kind = str(body.get("type", "text"))
    if kind != "template" and not phone.window_open:
        details = "Message failed to send because more than 24 hours have passed since the customer last replied."
        raise MetaError(WINDOW_CLOSED, details)
    world.rates.take(phone.number)
    message = phone.add("outbound", kind, content, callback_data)
    category = world.templates.category(content)
    world.meta_webhooks.message_accepted(phone, message, category, hide_number=not by_number)
    known = {"wa_id": phone.number} if by_number else {}
    contact = {"input": body["to" if by_number else "recipient"], **known, "user_id": phone.user_id}
    sent = {"id": message.id, **({"message_status": "accepted"} if kind == "template" else {})}
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}


def _recipient(body: dict[str, Any], world: World) -> tuple[Phone, bool]:
    """Return the phone, and whether it was named by its number in `to`; a business-scoped id goes into `recipient`."""
    if body.get("recipient_type", "individual") != "individual":
        raise MetaError(INVALID, "recipient_type must be individual")
    if body.get("to") is None and body.get("recipient") is not None:
        known = world.phones.by_user_id(limits.text(body, "recipient", 150))
        if known is None:
            raise MetaError(INVALID, "recipient is not the business-scoped id of a user who wrote to this portfolio")
        return known, False
    try:
        phone = world.phones.get(limits.text(body, "to", 100))
    except NotANumber as error:
        raise MetaError(INVALID, "to is not a valid WhatsApp number") from error
    if phone.number == world.settings.business_number:
        raise MetaError(SELF_SEND, "Recipient and sender are the same phone number")
    return phone, True


def _mark_read(body: dict[str, Any], world: World) -> dict[str, Any]:
    found = world.phones.find_message(limits.text(body, "message_id", limits.BUTTON_ID))
    if body["status"] != "read" or found is None or found[1].direction != "inbound":
        raise MetaError(INVALID, "status must be read, and message_id that of a received message")
    phone, message = found
    phone.advance(message, "read")
    if body.get("typing_indicator") is not None:
        phone.show_typing()
    return {"success": True}


@router.post("/{phone_number_id}/media", name="media")  # noqa: FAST003  as above
async def upload(
    file: Annotated[UploadFile, File()], messaging_product: Annotated[str, Form()], world: OfNumber
) -> dict[str, str]:
    if messaging_product != "whatsapp":
        raise MetaError(BAD_REQUEST, "The parameter messaging_product must be whatsapp.")
    return {"id": world.media.add(await file.read(), file.content_type or "").id}


@router.post("/{waba_id}/message_templates", name="message_templates")  # noqa: FAST003  one account here, whatever its id
async def create_template(body: Body, world: Here) -> dict[str, str]:
    template = world.templates.register(body)
    return {name: template[name] for name in ("id", "status", "category")}


@router.get("/{waba_id}/message_templates", name="message_templates")  # noqa: FAST003  one account here, whatever its id
async def list_templates(world: Here) -> dict[str, Any]:
    return {"data": world.templates.all(), "paging": {}}


@router.get("/media_download/{token}", name="download")
async def download(token: str, world: Here) -> Response:
    media = world.media.behind(token)
    if media is None:
        raise MetaError(UNKNOWN_OBJECT, "The media URL is unknown or older than 5 minutes")
    return Response(media.content, media_type=media.mime_type)


@router.get("/{media_id}", name="media_url")
async def media_url(media_id: str, world: Here) -> dict[str, str]:
    media = world.media.find(media_id)
    if media is None:
        raise MetaError(UNKNOWN_OBJECT, f"Object with ID '{media_id}' does not exist")
    return {
        "messaging_product": "whatsapp",
        "id": media.id,
        "url": world.media.download_url(media),
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "file_size": str(len(media.content)),
    }
