"""pywa, the most used client of the Cloud API, reads what the sandbox sends, and sends what our service sends (F16)."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp
from pywa.types.message import DeletedMessage, EditedMessage, Message
from pywa.types.message_status import MessageStatus
from pywa.types.system import PhoneNumberChange
from support.sandbox_stage import JANE, NUMBER_ID, TOKEN, Stage, until
from whatsinvoice_notifications.clients.whatsapp_bodies import body_of
from whatsinvoice_notifications.domain.message import Content

pytestmark = pytest.mark.asyncio
NUMBER_NAMES = ("text", "type", "recipient_type", "messaging_product")


def client(answer: Callable[[httpx.Request], httpx.Response] | None = None) -> WhatsApp:
    """Pywa without a server, whose requests a function answers."""
    transport = httpx.MockTransport(answer) if answer else None
    return WhatsApp(phone_id=NUMBER_ID, token=TOKEN, session=httpx.Client(transport=transport))


def updates(stage: Stage) -> list[Any]:
    """Every webhook that has arrived, whole."""
    return [json.loads(told.body) for told in stage.receiver.received]


async def told(stage: Stage, kind: str, count: int = 1) -> list[Any]:
    """Wait for so many webhooks of a kind (`messages` or `statuses`), and return them."""

    def found() -> list[Any]:
        return [update for update in updates(stage) if kind in update["entry"][0]["changes"][0]["value"]]

    await until(lambda: len(found()) >= count)
    return found()


async def test_f16_pywa_reads_a_message_of_a_hidden_number(stage: Stage) -> None:
    await stage.write(text="hello", user_id_only=True)
    [update] = await told(stage, "messages")
    message = Message.from_update(client(), update)
    assert message.text == "hello"
    assert str(message.from_user.bsuid).startswith("NG.")
    assert message.from_user.wa_id is None


async def test_f16_pywa_reads_the_statuses_with_their_user(stage: Stage) -> None:
    await stage.write()
    await stage.send()
    await stage.control("POST", f"/phones/{JANE}/read")
    statuses = [MessageStatus.from_update(client(), update) for update in await told(stage, "statuses")]
    assert {status.from_user.wa_id for status in statuses} == {JANE}
    assert all(str(status.from_user.bsuid).startswith("NG.") for status in statuses)


async def test_f16_pywa_reads_edits_deletions_and_captions(stage: Stage) -> None:
    written = (await stage.write(text="75000"))["id"]
    await told(stage, "messages")
    await stage.write(edit={"id": written, "text": "7500"})
    await told(stage, "messages", 2)
    await stage.write(revoke=written)
    _, edit, revoke = await told(stage, "messages", 3)
    edited = EditedMessage.from_update(client(), edit)
    assert (edited.original_message_id, edited.message.text) == (written, "7500")
    assert DeletedMessage.from_update(client(), revoke).original_message_id == written


async def test_f16_pywa_reads_a_changed_number(stage: Stage) -> None:
    await stage.control("POST", f"/phones/{JANE}/messages", json={"to_number": "+2348099999999"})
    [update] = await told(stage, "messages")
    change = PhoneNumberChange.from_update(client(), update)
    assert (change.old_wa_id, change.new_wa_id) == (JANE, "2348099999999")


@pytest.mark.parametrize(("phone", "user_id"), [("+2348012345678", ""), ("", "NG.123456789")])
async def test_f16_we_name_the_recipient_as_pywa_does(phone: str, user_id: str) -> None:
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        contact = {"input": "x", "wa_id": "2348012345678", "user_id": "NG.123456789"}
        return httpx.Response(200, json={"contacts": [contact], "messages": [{"id": "wamid.1"}]})

    client(answer).send_text(to=(phone or user_id).removeprefix("+"), text="hello")
    ours = body_of(Content("hello"), phone=phone, user_id=user_id, correlation="msg_1", file=None, template=False)
    theirs = bodies[0]
    assert ours.get("recipient") == theirs.get("recipient")
    assert ours.get("to", "").removeprefix("+") == theirs.get("to", "")
    assert {name: ours[name] for name in NUMBER_NAMES if name != "text"} == {
        name: theirs[name] for name in NUMBER_NAMES if name != "text"
    }
    assert ours["text"]["body"] == theirs["text"]["body"]
