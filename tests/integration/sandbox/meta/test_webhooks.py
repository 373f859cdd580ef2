"""Inbound messages and statuses as Meta tells them: shapes, batches, signature, retries."""

import asyncio
import base64
import hashlib
import hmac
from typing import Any

from integration.sandbox.meta.test_messages import buttons
from support.sandbox_stage import APP_SECRET, BUSINESS, JANE, MERCHANT, NUMBER_ID, Stage, until
from whatsinvoice_sandbox.clock import ScaledClock
from whatsinvoice_sandbox.delivery import Deliveries, Webhook
from whatsinvoice_sandbox.faults import Faults
from whatsinvoice_sandbox.meta.webhooks import WAITS


async def test_a_line_is_told_in_metas_envelope_and_signed(stage: Stage) -> None:
    written = await stage.write(JANE, text="I don pay", name="Jane Okafor")
    await until(lambda: stage.receiver.received)
    told = stage.receiver.received[0]
    expected = "sha256=" + hmac.new(APP_SECRET.encode(), told.body, hashlib.sha256).hexdigest()
    assert told.headers["x-hub-signature-256"] == expected
    assert told.json["object"] == "whatsapp_business_account"
    change = told.json["entry"][0]["changes"][0]
    value = change["value"]
    assert change["field"] == "messages"
    assert value["metadata"] == {"display_phone_number": BUSINESS, "phone_number_id": NUMBER_ID}
    assert value["contacts"][0]["wa_id"] == JANE
    assert value["contacts"][0]["profile"] == {"name": "Jane Okafor"}
    message = value["messages"][0]
    assert message.pop("timestamp").isdigit()
    assert message.pop("from_user_id") == value["contacts"][0]["user_id"]
    assert message == {"from": JANE, "id": written["id"], "type": "text", "text": {"body": "I don pay"}}


async def test_a_tapped_button_names_itself_and_its_message(stage: Stage) -> None:
    await stage.write(MERCHANT)
    sent = (await stage.send(to=MERCHANT, **buttons("Send", "Cancel"))).json()["messages"][0]["id"]
    await stage.write(MERCHANT, button_id="id-0")
    await until(lambda: len(stage.inbound()) == 2)
    message = stage.inbound()[1]
    assert message["type"] == "interactive"
    assert message["interactive"] == {"type": "button_reply", "button_reply": {"id": "id-0", "title": "Send"}}
    assert message["context"] == {"from": BUSINESS, "id": sent}


async def test_a_templates_quick_reply_comes_as_a_button(stage: Stage) -> None:
    reply = {"type": "button", "sub_type": "quick_reply", "index": "0"}
    component = {**reply, "parameters": [{"type": "payload", "payload": "paid:1"}]}
    template = {"name": "reminder", "language": {"code": "en"}, "components": [component]}
    await stage.send(type="template", template=template)
    await stage.write(button_id="paid:1")
    await until(stage.inbound)
    assert stage.inbound()[0]["type"] == "button"
    assert stage.inbound()[0]["button"] == {"payload": "paid:1", "text": "paid:1"}


async def test_a_button_that_is_not_there_cannot_be_tapped(stage: Stage) -> None:
    assert (await stage.control("POST", f"/phones/{JANE}/messages", json={"button_id": "x"})).status_code == 404


async def test_a_voice_note_can_be_fetched(stage: Stage) -> None:
    await stage.write(audio=base64.b64encode(b"OggS").decode())
    await until(stage.inbound)
    audio = stage.inbound()[0]["audio"]
    assert (audio["mime_type"], audio["voice"]) == ("audio/ogg; codecs=opus", True)
    assert audio["sha256"] == hashlib.sha256(b"OggS").hexdigest()
    assert (await stage.graph("GET", f"/{audio['id']}")).json()["sha256"] == audio["sha256"]


async def test_a_hidden_number_leaves_only_the_business_scoped_id(stage: Stage) -> None:
    await stage.write(text="hi", user_id_only=True)
    await until(stage.inbound)
    assert JANE not in str(stage.changes())
    contact, message = stage.changes()[0]["contacts"][0], stage.inbound()[0]
    assert "from" not in message
    assert message["from_user_id"] == contact["user_id"]
    assert "wa_id" not in contact
    refused = await stage.send(to=contact["user_id"], type="text", text={"body": "hello"})
    assert refused.json()["error"]["code"] == 131009
    answer = await stage.send(to="", recipient=contact["user_id"], type="text", text={"body": "hello"})
    assert answer.json()["contacts"] == [{"input": contact["user_id"], "user_id": contact["user_id"]}]
    await until(stage.statuses)
    told = stage.statuses()[0]
    assert "recipient_id" not in told
    assert told["recipient_user_id"] == contact["user_id"]


async def test_f16_each_status_comes_with_the_contact_beside_it(stage: Stage) -> None:
    await stage.write()
    await stage.send()
    await stage.control("POST", f"/phones/{JANE}/read")
    await until(lambda: {status["status"] for status in stage.statuses()} >= {"sent", "read"})
    changes = [change for change in stage.changes() if "statuses" in change]
    assert all(contact["user_id"].startswith("NG.") for change in changes for contact in change["contacts"])
    assert {status["recipient_id"] for status in stage.statuses()} == {JANE}


async def test_f18_an_edit_and_a_deletion_name_their_message(stage: Stage) -> None:
    written = (await stage.write(text="75000"))["id"]
    await stage.write(edit={"id": written, "text": "7500"})
    await stage.write(revoke=written)
    await until(lambda: len(stage.inbound()) == 3)
    edit, revoke = stage.inbound()[1:]
    assert edit["edit"] == {
        "original_message_id": written,
        "message": {"type": "text", "text": {"body": "7500"}},
    }
    assert revoke["revoke"] == {"original_message_id": written}
    assert (await stage.shown())[0]["deleted"] is True


async def test_f21_another_number_and_a_group_are_named(stage: Stage) -> None:
    await stage.write(text="a", phone_number_id="99")
    await stage.write(text="b", group_id="g1")
    await until(lambda: len(stage.inbound()) == 2)
    numbers = [change["metadata"]["phone_number_id"] for change in stage.changes()]
    assert numbers[0] == "99"
    assert stage.inbound()[1]["group_id"] == "g1"


async def test_what_happens_together_is_told_in_one_change_with_all_its_senders(stage: Stage) -> None:
    world = stage.server.world
    for phone, ids in ((JANE, ("a", "b")), (MERCHANT, ("c",))):
        for name in ids:
            message = {"id": name, "timestamp": "1", "type": "text", "text": {"body": name}}
            world.meta_webhooks.phone_wrote(world.phones.get(phone), message, hide_number=False)
    await until(stage.receiver.received.__len__)
    assert len(stage.receiver.received) == 1
    [change] = stage.changes()
    assert [message["id"] for message in change["messages"]] == ["a", "b", "c"]
    assert [contact["wa_id"] for contact in change["contacts"]] == [JANE, MERCHANT]


async def test_sent_then_delivered_with_price_and_our_own_data(stage: Stage) -> None:
    await stage.write()
    text: dict[str, Any] = {"type": "text", "text": {"body": "x"}, "biz_opaque_callback_data": "msg_01k3"}
    sent = (await stage.send(**text)).json()["messages"][0]["id"]
    await until(lambda: len(stage.statuses()) == 2)
    assert [status["status"] for status in stage.statuses()] == ["sent", "delivered"]
    for status in stage.statuses():
        assert (status["id"], status["recipient_id"]) == (sent, JANE)
        assert status["biz_opaque_callback_data"] == "msg_01k3"
        assert status["pricing"] == {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": "service",
        }
        assert status["timestamp"].isdigit()


async def test_reading_is_told_once_and_never_goes_back(stage: Stage) -> None:
    await stage.write()
    sent = (await stage.send()).json()["messages"][0]["id"]
    assert (await stage.control("POST", f"/phones/{JANE}/read")).json() == {"read": [sent]}
    assert (await stage.control("POST", f"/phones/{JANE}/read")).json() == {"read": []}
    await until(lambda: [status["status"] for status in stage.statuses()] == ["sent", "read"])
    assert (await stage.shown())[-1]["status"] == "read"


async def test_a_webhook_is_told_again_until_200(stage: Stage) -> None:
    stage.receiver.answers = [503, 500]
    await stage.write()
    await until(lambda: len(stage.receiver.received) == 3)
    assert len({told.body for told in stage.receiver.received}) == 1


def test_retries_back_off_for_seven_days() -> None:
    assert WAITS[:4] == (5, 10, 20, 40)
    assert max(WAITS) == 6 * 3600
    assert 7 * 86400 <= sum(WAITS) < 7 * 86400 + 6 * 3600


async def test_a_duplicated_and_a_dropped_batch(stage: Stage) -> None:
    await stage.fault(provider="meta", call="webhook", fault="duplicate", count=1)
    await stage.write(text="twice")
    await until(lambda: len(stage.inbound()) == 2)
    await stage.fault(provider="meta", call="webhook", fault="drop", count=1)
    await stage.write(text="lost")
    await until(lambda: stage.server.world.deliveries.attempts()[-1]["error"] == "dropped")
    await stage.write(text="kept")
    await until(lambda: len(stage.inbound()) == 3)
    assert [message["text"]["body"] for message in stage.inbound()] == ["twice", "twice", "kept"]


async def test_after_its_end_nothing_more_is_sent() -> None:
    """A message's `delivered` is due a moment later, when nobody is left to wait for what it would start."""
    deliveries = Deliveries(ScaledClock(1), Faults())
    await deliveries.close()
    before = asyncio.all_tasks()
    assert not deliveries.send(Webhook("meta", "statuses", "wamid.1", "http://127.0.0.1:9/", b"{}", {}, WAITS, 1))
    assert asyncio.all_tasks() == before
