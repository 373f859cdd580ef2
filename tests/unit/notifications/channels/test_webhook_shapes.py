"""Webhooks as bytes: whose they are, and what is read from them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.notifications.envelopes import a_change, a_contact, a_message, a_status, envelope
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_notifications.clients.whatsapp_webhooks import read_webhook
from whatsinvoice_notifications.domain.inbound import Batch, is_genuine

GOLDEN_BODY = b'{"object":"whatsapp_business_account","entry":[]}'
GOLDEN = "sha256=dce18d876c196e254c0e3619ea1db1611f702906ce5864067e623bb9b2f53d73"


def hidden_message(user_id: str, text: str) -> dict[str, Any]:
    """A message of a person who hides the phone."""
    message = a_message("+2348012345678", text, from_user_id=user_id)
    del message["from"]
    return message


def edit_of(message: dict[str, Any]) -> dict[str, Any]:
    return {"original_message_id": "wamid.0", "message": message}


def test_the_golden_signature() -> None:
    assert is_genuine("wa_app_secret", GOLDEN_BODY, GOLDEN)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (GOLDEN_BODY.replace(b"[]", b"[ ]"), GOLDEN),
        (GOLDEN_BODY, GOLDEN.upper()),
        (GOLDEN_BODY, GOLDEN.removeprefix("sha256=")),
        (GOLDEN_BODY, GOLDEN[:-1] + "4"),
        (GOLDEN_BODY, "sha256=é"),
        (GOLDEN_BODY, ""),
    ],
)
def test_nothing_else_is_genuine(body: bytes, signature: str) -> None:
    assert not is_genuine("wa_app_secret", body, signature)


def test_nobody_is_taken_for_another() -> None:
    """Without a `from`, one contact may be the sender, two may not."""
    message = a_message("+2348012345678")
    del message["from"]
    hidden = {"profile": {"name": "Jane"}, "user_id": "NG.13"}
    [known] = read_webhook(envelope({"contacts": [hidden], "messages": [message]})).messages
    assert (known.phone, known.user_id) == ("", "NG.13")
    batch = read_webhook(envelope({"contacts": [hidden, {"user_id": "NG.14"}], "messages": [message]}))
    assert (batch.messages, len(batch.unread)) == ((), 1)


def test_the_note_of_a_changed_number_is_read_and_another_system_note_is_none() -> None:
    [told] = read_webhook(envelope(a_change("+2348010000001", "+2348020000002"))).messages
    assert (told.phone, told.kind, told.text) == ("+2348010000001", "changed", "+2348020000002")
    [strange] = read_webhook(envelope(a_change("+2348010000001", "nonsense"))).messages
    assert (strange.kind, strange.text) == ("changed", "")
    [other] = read_webhook(envelope(a_change("+2348010000001", "+2348020000002", "something_new"))).messages
    assert other.kind == "silent"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_no_shape_makes_it_fail(data: st.DataObject) -> None:
    """Any value of a good webhook may be anything else."""
    error = {"code": 131047, "title": "Re-engagement message"}
    good = json.loads(
        envelope(
            {
                "contacts": [a_contact("+2348012345678", user_id="NG.1")],
                "messages": [a_message("+2348012345678")],
                "statuses": [a_status("failed", "msg_1", "wamid.1", pricing={"billable": True}, errors=[error])],
            }
        )
    )
    places = list(_places(good))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON)
    body = json.dumps(good).encode()
    batch = _read(body)
    for message in batch.messages:
        assert "\0" not in message.text + message.name + message.provider_id
        assert message.phone or message.user_id
    for told in batch.statuses:
        assert "\0" not in told.status + told.error_title + str(told.pricing)


def _read(body: bytes) -> Batch:
    """What is refused holds nothing."""
    try:
        return read_webhook(body)
    except ServiceError:
        return Batch()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder and key within."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


def test_f16_each_message_of_a_batch_finds_its_hidden_sender() -> None:
    contacts = [{"profile": {"name": name}, "user_id": f"NG.{number}"} for number, name in ((13, "Jane"), (14, "Ada"))]
    messages = [hidden_message("NG.14", "hello from Ada"), hidden_message("NG.13", "hello from Jane")]
    batch = read_webhook(envelope({"contacts": contacts, "messages": messages}))
    assert [(m.phone, m.user_id, m.name, m.text) for m in batch.messages] == [
        ("", "NG.14", "Ada", "hello from Ada"),
        ("", "NG.13", "Jane", "hello from Jane"),
    ]
    assert batch.unread == ()


def test_f16_a_changed_user_id_is_read_without_contacts() -> None:
    system = {"type": "user_changed_user_id", "user_id": "NG.2", "previous_user_id": "NG.1", "body": "changed"}
    message = {"id": "wamid.1", "timestamp": "1764590000", "type": "system", "system": system}
    [told] = read_webhook(envelope({"messages": [message]})).messages
    assert (told.kind, told.user_id) == ("changed", "NG.1")


def test_f16_a_status_is_read_with_the_contact_beside_it() -> None:
    told = a_status("delivered", "msg_1", "wamid.1", recipient_user_id="NG.1")
    contact = {"profile": {"name": "Jane"}, "user_id": "NG.1"}
    batch = read_webhook(envelope({"contacts": [contact], "statuses": [told]}))
    assert [(status.status, status.correlation) for status in batch.statuses] == [("delivered", "msg_1")]


@pytest.mark.parametrize(
    ("content", "kind", "text", "about"),
    [
        ({"type": "edit", "edit": edit_of({"type": "text", "text": {"body": "now"}})}, "edit", "now", "wamid.0"),
        ({"type": "edit", "edit": edit_of({"type": "image", "image": {"caption": "now"}})}, "edit", "now", "wamid.0"),
        ({"type": "revoke", "revoke": {"original_message_id": "wamid.0"}}, "deleted", "", "wamid.0"),
        ({"type": "image", "image": {"id": "1", "caption": "invoice Jane 5000"}}, "text", "invoice Jane 5000", ""),
        ({"type": "document", "document": {"id": "1", "caption": "hello"}}, "text", "hello", ""),
        ({"type": "image", "image": {"id": "1"}}, "other", "", ""),
        ({"type": "request_welcome"}, "opened", "", ""),
        ({"type": "button", "button": {"text": "Yes"}}, "button", "", ""),
        ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {}}}, "button", "", ""),
        ({"type": "something_new"}, "other", "", ""),
        ({"type": "reaction", "reaction": {"emoji": "x"}}, "silent", "", ""),
    ],
)
def test_f18_every_kind_of_message_is_read(content: dict[str, Any], kind: str, text: str, about: str) -> None:
    message = a_message("+2348012345678") | content
    if content["type"] != "text":
        del message["text"]
    [read] = read_webhook(envelope({"messages": [message]})).messages
    assert (read.kind, read.text, read.about) == (kind, text, about)


def test_f21_parts_for_others_are_counted_and_no_more() -> None:
    ours, other = ({"metadata": {"phone_number_id": number}} for number in ("1", "2"))
    phone = "+2348012345678"
    values = [
        ours | {"messages": [a_message(phone), a_message(phone, group_id="group-1")]},
        other | {"messages": [a_message(phone)], "statuses": [a_status("read", "msg_1", "wamid.1")]},
    ]
    whole = json.loads(envelope(*values))
    whole["entry"][0]["changes"].append({"field": "standby", "value": {"messages": [a_message(phone)]}})
    batch = read_webhook(json.dumps(whole).encode(), "1")
    assert (len(batch.messages), batch.statuses, batch.unread) == (1, (), ())
    assert batch.ignored == {"group": 1, "other_number": 1, "other_field": 1}


def test_f28_control_characters_leave_a_chat_line_before_it_is_read() -> None:
    told = a_message("+2348012345678", "Invoice\x00 Jane\x01 5000\nfor\x7f cake \ud800")
    [incoming] = read_webhook(envelope({"messages": [told]})).messages
    assert incoming.text == "Invoice Jane 5000\nfor cake ?"
