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
