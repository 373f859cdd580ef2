"""Controls of the phones: people write, tap, speak and read."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response, StreamingResponse
from pydantic import Field, model_validator

from whatsinvoice_sandbox.meta.errors import MetaError
from whatsinvoice_sandbox.phones import NotANumber, Phone
from whatsinvoice_sandbox.world import Here, World

from .strict import Strict

_KEEPALIVE_SECONDS = 15.0


router = APIRouter()


def _the_phone(phone: str, world: Here) -> Phone:
    try:
        return world.phones.get(phone)
    except NotANumber as error:
        raise HTTPException(422, str(error)) from error


ThePhone = Annotated[Phone, Depends(_the_phone)]


class Written(Strict):
    """Exactly one of text, button_id and audio (base64 of Ogg/Opus bytes)."""

    text: str | None = Field(default=None, min_length=1, max_length=4096)
    button_id: str | None = None
    audio: str | None = None
    name: str | None = Field(default=None, min_length=1, max_length=100)
    user_id_only: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.text, self.button_id, self.audio)) != 1:
            raise ValueError("give exactly one of text, button_id and audio")
        return self


@router.post("/phones/{phone}/messages", status_code=201)
async def write(phone: ThePhone, written: Written, world: Here) -> dict[str, Any]:
    """The phone writes to the business number."""
    phone.name = written.name or phone.name
    if written.text is not None:
        kind, content, told = "text", {"text": written.text}, {"text": {"body": written.text}}
    elif written.button_id is not None:
        kind, content, told = _tapped(phone, written.button_id, world)
    else:
        kind, content, told = _recorded(written.audio or "", world)
    message = phone.add("inbound", kind, content)
    head = {"id": message.id, "timestamp": str(int(message.at.timestamp())), "type": kind}
    world.meta_webhooks.phone_wrote(phone, head | told, hide_number=written.user_id_only)
    return message.view()


def _tapped(phone: Phone, button_id: str, world: World) -> tuple[str, dict[str, Any], dict[str, Any]]:
    found = phone.find_button(button_id)
    if found is None:
        raise HTTPException(404, f"no message on this phone shows a button with the id {button_id!r}")
    message, button = found
    told: dict[str, Any] = {"context": {"from": world.settings.business_number, "id": message.id}}
    content = {"text": button["title"], "reply_to": message.id}
    if message.type == "template":
        return "button", content, told | {"button": {"payload": button["id"], "text": button["title"]}}
    kind = "list_reply" if "list_button" in message.content else "button_reply"
    return "interactive", content, told | {"interactive": {"type": kind, kind: button}}


def _recorded(audio: str, world: World) -> tuple[str, dict[str, Any], dict[str, Any]]:
    try:
        media = world.media.add(base64.b64decode(audio, validate=True), "audio/ogg; codecs=opus")
    except (binascii.Error, MetaError) as error:
        raise HTTPException(422, f"audio: {error}") from error
    shown = {"url": world.media.phone_url(media, "voice.ogg"), "sha256": media.sha256, "size": len(media.content)}
    told = {"id": media.id, "mime_type": media.mime_type, "sha256": media.sha256, "voice": True}
    return "audio", {"audio": shown}, {"audio": told}


@router.get("/phones/{phone}/messages")
async def messages(phone: ThePhone, after: int = 0) -> dict[str, Any]:
    """What the phone shows, from the message after `after` (a seq) on."""
    return {"messages": [message.view() for message in phone.messages[max(after, 0) :]]}


@router.post("/phones/{phone}/read")
async def read(phone: ThePhone, world: Here) -> dict[str, Any]:
    """Marks all that was received as read."""
    unread = [
        message for message in phone.messages if message.direction == "outbound" and phone.advance(message, "read")
    ]
    for message in unread:
        world.meta_webhooks.status(message, "read", phone.number)
    return {"read": [message.id for message in unread]}


@router.get("/phones/{phone}/events")
async def events(phone: ThePhone) -> StreamingResponse:
    """Server-sent events: `message` (new, or the same id with a new status) and `typing`."""

    async def feed() -> AsyncIterator[str]:
        queue = phone.watch()
        try:
            yield ": watching\n\n"
            while True:
                try:
                    told = await asyncio.wait_for(queue.get(), _KEEPALIVE_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if told is None:
                    return
                yield f"event: {told[0]}\ndata: {json.dumps(told[1])}\n\n"
        finally:
            phone.unwatch(queue)

    return StreamingResponse(feed(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/media/{media_id}/{filename}")
async def media(media_id: str, filename: str, world: Here) -> Response:  # noqa: ARG001  the name is for the browser
    """The bytes of a document that a phone received."""
    found = world.media.find(media_id)
    if found is None:
        raise HTTPException(404, "no such media")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "inline"}
    return Response(found.content, media_type=found.mime_type, headers=headers)
