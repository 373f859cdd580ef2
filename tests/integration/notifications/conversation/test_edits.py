"""Edited and deleted messages, captions, other kinds, other numbers and groups, and numbers that changed hands."""

import base64

import pytest
from support.notifications.envelopes import a_contact, a_message, envelope
from support.notifications.stage import Merchant, Stage, a_phone
from whatsinvoice_notifications.models import CONTACTS, INBOUND_MESSAGES, MESSAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()


async def wrote(stage: Stage, phone: str) -> str:
    """Return the id of the last message that the phone wrote."""
    answer = await stage.sandbox.get(f"/_control/phones/{phone}/messages")
    return str([m for m in answer.json()["messages"] if m["direction"] == "inbound"][-1]["id"])


async def seen(stage: Stage, phone: str, user_id: str) -> None:
    """Wait until the contact is known by both."""
    await stage.until(lambda: stage.rows(CONTACTS, phone=phone, user_id=user_id))


async def said_to(stage: Stage, provider_id: str) -> str:
    """Return what the service answers to this message."""
    [row] = await stage.until(lambda: stage.rows(INBOUND_MESSAGES, provider_id=provider_id, outcome="answered"))
    [sent] = await stage.rows(MESSAGES, dedupe_key=f"answer:{row['id']}")
    return str(sent["content"]["text"])


async def the_card(stage: Stage, merchant: Merchant) -> tuple[str, str]:
    """Write a line, and return its id and the id of the Send button."""
    await stage.write(merchant.phone, merchant.line)
    [card] = await stage.heard(merchant.phone)
    return await wrote(stage, merchant.phone), card["buttons"][0]["id"]


async def test_f18_an_edit_replaces_the_card_and_the_old_button_sends_nothing(stage: Stage, merchant: Merchant) -> None:
    line, send = await the_card(stage, merchant)
    await stage.write(merchant.phone, edit={"id": line, "text": merchant.line.replace("75000", "7500")})
    card = (await stage.heard(merchant.phone, 2))[1]
    assert "7,500.00" in card["text"]
    await stage.write(merchant.phone, button_id=send)
    gone = (await stage.heard(merchant.phone, 3))[2]
    assert "gone" in gone["text"]
    assert stage.invoices.issued == 0
    await stage.write(merchant.phone, button_id=card["buttons"][0]["id"])
    await stage.heard(merchant.phone, 4)
    assert [invoice.total_minor for invoice in stage.invoices.by_id.values()] == [750_000]
    assert stage.invoices.issued == 1


async def test_f18_an_edit_that_is_no_invoice_drops_the_card(stage: Stage, merchant: Merchant) -> None:
    line, send = await the_card(stage, merchant)
    await stage.write(merchant.phone, edit={"id": line, "text": "sorry, wrong chat"})
    assert "dropped" in (await stage.heard(merchant.phone, 2))[1]["text"]
    await stage.write(merchant.phone, "send it")
    await stage.write(merchant.phone, button_id=send)
    await stage.heard(merchant.phone, 4)
    assert (len(stage.invoices.by_id), stage.invoices.issued) == (0, 0)


async def test_f18_an_edited_answer_drops_the_card_that_it_led_to(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, f"Invoice Jane {merchant.customer} for logo design")
    await stage.heard(merchant.phone)
    await stage.write(merchant.phone, "75000")
    await stage.heard(merchant.phone, 2)
    await stage.write(merchant.phone, edit={"id": await wrote(stage, merchant.phone), "text": "7500"})
    assert "dropped" in (await stage.heard(merchant.phone, 3))[2]["text"]
    assert len(stage.invoices.by_id) == 0


async def test_f18_a_deleted_message_voids_its_card_in_silence(stage: Stage, merchant: Merchant) -> None:
    line, _ = await the_card(stage, merchant)
    await stage.write(merchant.phone, revoke=line)
    await stage.until(lambda: stage.rows(INBOUND_MESSAGES, phone=merchant.phone, kind="deleted", outcome="silent"))
    assert len(stage.invoices.by_id) == 0
    await stage.write(merchant.phone, "send it")
    assert "did not understand" in (await stage.heard(merchant.phone, 2))[1]["text"]


async def test_f18_an_edit_after_sending_says_that_it_is_too_late(stage: Stage, merchant: Merchant) -> None:
    line, send = await the_card(stage, merchant)
    await stage.write(merchant.phone, button_id=send)
    await stage.heard(merchant.phone, 2)
    await stage.write(merchant.phone, edit={"id": line, "text": merchant.line.replace("75000", "7500")})
    assert "already sent as" in (await stage.heard(merchant.phone, 3))[2]["text"]
    assert stage.invoices.issued == 1


async def test_f18_a_message_that_was_edited_before_it_was_read_counts_as_edited(
    stage: Stage, merchant: Merchant
) -> None:
    first = a_message(merchant.phone, merchant.line)
    changed = {"type": "text", "text": {"body": merchant.line.replace("75000", "7500")}}
    edit = a_message(merchant.phone, type="edit", edit={"original_message_id": first["id"], "message": changed})
    del edit["text"]
    await stage.receive(envelope({"contacts": [a_contact(merchant.phone)], "messages": [first, edit]}))
    await stage.until(lambda: stage.rows(INBOUND_MESSAGES, provider_id=first["id"], outcome="silent"))
    await stage.until(lambda: stage.rows(INBOUND_MESSAGES, provider_id=edit["id"], outcome="answered"))
    assert [invoice.total_minor for invoice in stage.invoices.by_id.values()] == [750_000]


async def test_f18_a_caption_is_text(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, image=PNG, caption=merchant.line)
    assert "75,000.00" in (await stage.heard(merchant.phone))[0]["text"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"type": "something_new"}, "I can read text"),
        ({"type": "button", "button": {"text": "Yes"}}, "I make invoices for"),
        ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {}}}, "I make invoices for"),
        ({"type": "request_welcome"}, "Hello"),
        ({"type": "audio", "audio": {"id": "1", "voice": True}}, "I can read text"),
    ],
)
async def test_f18_every_other_kind_is_answered_with_help(
    stage: Stage, merchant: Merchant, content: dict[str, object], said: str
) -> None:
    message = a_message(merchant.phone) | content
    del message["text"]
    await stage.receive(envelope({"contacts": [a_contact(merchant.phone)], "messages": [message]}))
    assert said in await said_to(stage, message["id"])


async def test_f18_a_stranger_who_opens_the_chat_is_welcomed(stage: Stage) -> None:
    phone = a_phone()
    await stage.write(phone, request_welcome=True)
    assert "Welcome" in (await stage.heard(phone))[0]["text"]


@pytest.mark.parametrize("where", [{"phone_number_id": "99999"}, {"group_id": "120363"}])
async def test_f21_what_is_written_to_others_is_not_acted_on(
    stage: Stage, merchant: Merchant, where: dict[str, str]
) -> None:
    await stage.write(merchant.phone, merchant.line, **where)
    await stage.write(merchant.phone, "help")
    [answer] = await stage.heard(merchant.phone)
    assert "I make invoices" in answer["text"]
    assert len(await stage.rows(INBOUND_MESSAGES, phone=merchant.phone)) == 1


async def test_f12_another_user_id_on_a_known_phone_is_held(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, "help")
    await stage.heard(merchant.phone)
    await stage.write(merchant.phone, merchant.line, user_id="NG.4242424242")
    assert "changed hands" in (await stage.heard(merchant.phone, 2))[1]["text"]
    await stage.write(merchant.phone, merchant.line)
    assert "changed hands" in (await stage.heard(merchant.phone, 3))[2]["text"]
    assert not stage.invoices.by_id


async def test_f12_a_user_id_that_moved_to_another_phone_leaves_the_old_phone_held(
    stage: Stage, merchant: Merchant
) -> None:
    user_id = f"NG.{merchant.phone[4:]}"
    for phone in (merchant.phone, a_phone()):
        given = {"contacts": [a_contact(phone, user_id=user_id)], "messages": [a_message(phone, "hello")]}
        await stage.receive(envelope(given))
        await seen(stage, phone, user_id)
    next_owner = {
        "contacts": [a_contact(merchant.phone, user_id="NG.777")],
        "messages": [a_message(merchant.phone, merchant.line)],
    }
    await stage.receive(envelope(next_owner))
    assert "changed hands" in await said_to(stage, next_owner["messages"][0]["id"])
    assert not stage.invoices.by_id
