"""The controls under /_control: people act, faults are set, the truth is read. Only for this machine."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .faults import KNOWN, Fault
from .meta.errors import MetaError
from .paystack.checkout import return_url
from .paystack.transactions import AlreadyPaid
from .phones import NotANumber, Phone
from .world import Here, World

_KEEPALIVE_SECONDS = 15.0


def _only_for_this_machine(world: Here) -> None:
    if not world.settings.controllable:
        raise HTTPException(
            403, "controls are refused unless the sandbox is bound to loopback, or SANDBOX_CONTROLS is on"
        )


router = APIRouter(prefix="/_control", dependencies=[Depends(_only_for_this_machine)])


def _the_phone(phone: str, world: Here) -> Phone:
    try:
        return world.phones.get(phone)
    except NotANumber as error:
        raise HTTPException(422, str(error)) from error


ThePhone = Annotated[Phone, Depends(_the_phone)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Written(_Strict):
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


class Act(_Strict):
    """`amount_minor` is what the payer pays, when it is not what was asked."""

    outcome: Literal[
        "success", "declined", "abandoned", "insufficient_funds",
        "ongoing", "pending", "processing", "queued", "reversed",
    ]  # fmt: skip
    channel: Literal["card", "bank_transfer", "ussd"] = "card"
    amount_minor: int | None = Field(default=None, ge=1)


@router.post("/checkouts/{access_code}")
async def checkout(access_code: str, act: Act, world: Here) -> dict[str, Any]:
    """The payer acts; the last five outcomes are states that a real payment passes through."""
    transaction = world.transactions.by_access_code(access_code)
    if transaction is None:
        raise HTTPException(404, "no such checkout")
    try:
        world.payer_acts(transaction, act.outcome, act.channel, act.amount_minor)
    except AlreadyPaid as error:
        raise HTTPException(409, f"{error} is {transaction.status} and cannot become {act.outcome}") from error
    return {"reference": transaction.reference, "status": transaction.status, "callback_url": return_url(transaction)}


@router.get("/ledger")
async def ledger(world: Here) -> dict[str, Any]:
    return {"charges": world.transactions.ledger(), "refunds": []}


@router.get("/webhooks")
async def webhooks(world: Here) -> dict[str, Any]:
    """The latest attempts to deliver a webhook; a dropped one has no status code and the error `dropped`."""
    return {"webhooks": world.deliveries.attempts()}


@router.put("/faults")
async def set_faults(faults: list[Fault], world: Here) -> dict[str, Any]:
    world.faults.replace(faults)
    return {"faults": world.faults.describe()}


@router.get("/faults")
async def show_faults(world: Here) -> dict[str, Any]:
    known = {provider: {call: sorted(names) for call, names in calls.items()} for provider, calls in KNOWN.items()}
    return {"faults": world.faults.describe(), "known": known}


class Clock(_Strict):
    scale: float = Field(gt=0, allow_inf_nan=False)


@router.post("/clock")
async def set_clock(clock: Clock, world: Here) -> dict[str, float]:
    world.clock.rescale(clock.scale)
    return {"scale": world.clock.scale}
