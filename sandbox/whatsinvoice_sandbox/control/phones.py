"""Controls of the phones: people write, tap, speak and read."""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response, StreamingResponse
from pydantic import Field, model_validator

from whatsinvoice_sandbox.meta.errors import MetaError
from whatsinvoice_sandbox.phones import NotANumber, Phone, message_id
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


class Edited(Strict):
    """A new text for a message that this phone wrote."""

    id: str
    text: str = Field(min_length=1, max_length=4096)


class Written(Strict):
    """Exactly one of the contents; `audio` and `image` are base64 of their bytes.

    `user_id` makes it another person who holds the number from now on; `phone_number_id` is another number of the same
    app, `group_id` a group; `to_number` announces that the person moved to that number.
    """

    text: str | None = Field(default=None, min_length=1, max_length=4096)
    button_id: str | None = None
    audio: str | None = None
    image: str | None = None
    order: dict[str, Any] | None = None
    edit: Edited | None = None
    revoke: str | None = None
    request_welcome: bool = False
    to_number: str | None = None
    caption: str | None = Field(default=None, min_length=1, max_length=1024)
    name: str | None = Field(default=None, min_length=1, max_length=100)
    user_id_only: bool = False
    user_id: str | None = Field(default=None, pattern=r"^[A-Z]{2}\.\d{1,30}$")
    group_id: str = ""
    phone_number_id: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        contents = ("text", "button_id", "audio", "image", "order", "edit", "revoke", "to_number")
        given = sum(getattr(self, name) is not None for name in contents) + self.request_welcome
        if given != 1:
            raise ValueError(f"give exactly one of {', '.join(contents)} and request_welcome")
        if self.caption is not None and self.image is None:
            raise ValueError("a caption belongs to an image")
        return self


@router.post("/phones/{phone}/messages", status_code=201)
async def write(phone: ThePhone, written: Written, world: Here) -> dict[str, Any]:
    """The phone writes to the business number."""
    phone.name = written.name or phone.name
    phone.given_user_id = written.user_id or phone.given_user_id
    if written.edit is not None or written.revoke is not None:
        return _changed(phone, written, world)
    if written.to_number is not None:
        return _moved(phone, written.to_number, world)
    kind, content, told = _content(phone, written, world)
    message = phone.add("inbound", kind, content)
    head = {"id": message.id, "timestamp": str(int(message.at.timestamp())), "type": kind}
    _announce(phone, head | told, written, world)
    return message.view()


def _announce(phone: Phone, told: dict[str, Any], written: Written, world: World) -> None:
    world.meta_webhooks.phone_wrote(
        phone,
        told,
        hide_number=written.user_id_only,
        to_number_id=written.phone_number_id,
        group_id=written.group_id,
    )


def _content(phone: Phone, written: Written, world: World) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the type of a new message, what the phone shows of it, and what Meta tells of it."""
    if written.text is not None:
        return "text", {"text": written.text}, {"text": {"body": written.text}}
    if written.button_id is not None:
        return _tapped(phone, written.button_id, world)
    if written.order is not None:
        return "order", {"text": "An order from the catalogue"}, {"order": written.order}
    if written.request_welcome:
        return "request_welcome", {"text": ""}, {}
    if written.image is not None:
        return _pictured(written.image, written.caption, world)
    return _recorded(written.audio or "", world)


def _changed(phone: Phone, written: Written, world: World) -> dict[str, Any]:
    """Edit or delete a message that this phone wrote: WhatsApp tells it as a message of its own."""
    wanted = written.edit.id if written.edit else written.revoke or ""
    message = phone.find(wanted)
    if message is None or message.direction != "inbound":
        raise HTTPException(404, f"this phone wrote no message with the id {wanted!r}")
    kind = "edit" if written.edit else "revoke"
    told: dict[str, Any] = {"original_message_id": message.id}
    if written.edit:
        told["message"] = {"type": "text", "text": {"body": written.edit.text}}
        phone.change(message, {"text": written.edit.text, "edited": True})
    else:
        phone.change(message, {"text": "", "deleted": True})
    head = {"id": message_id(), "timestamp": str(int(time.time())), "type": kind}
    _announce(phone, {**head, kind: told}, written, world)
    return message.view()


def _moved(phone: Phone, to: str, world: World) -> dict[str, Any]:
    """Announce that the person of this phone moved to another number."""
    new = _the_phone(to, world)
    body = f"User {phone.name} changed from {phone.number} to {new.number}"
    system = {
        "type": "user_changed_number",
        "body": body,
        "wa_id": new.number,
        "user_id": new.user_id,
        "previous_user_id": phone.user_id,
    }
    note = message_id()
    world.meta_webhooks.number_changed(phone, system, note)
    return {"id": note, "type": "system"}


def _pictured(image: str, caption: str | None, world: World) -> tuple[str, dict[str, Any], dict[str, Any]]:
    try:
        media = world.media.add(base64.b64decode(image, validate=True), "image/png")
    except (binascii.Error, MetaError) as error:
        raise HTTPException(422, f"image: {error}") from error
    shown = {"url": world.media.phone_url(media, "image.png"), "sha256": media.sha256, "size": len(media.content)}
    told = {"id": media.id, "mime_type": media.mime_type, "sha256": media.sha256}
    told |= {"caption": caption} if caption else {}
    return "image", {"text": caption or "", "image": shown}, {"image": told}


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
        world.meta_webhooks.status(phone, message, "read")
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
