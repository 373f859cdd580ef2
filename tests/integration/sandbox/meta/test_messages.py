"""Sending: what the phone then shows, and each limit with its documented code."""

from typing import Any

import pytest
from support.sandbox_stage import BUSINESS, JANE, NUMBER_ID, TOKEN, Stage


def text(body: object) -> dict[str, Any]:
    return {"type": "text", "text": {"body": body}}


def interactive(kind: str, action: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": "b"}, "action": action, **parts}}


def buttons(*titles: str, **parts: Any) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": f"id-{n}", "title": title}} for n, title in enumerate(titles)]
    return interactive("button", {"buttons": replies}, **parts)


def listed(*sections: int, **change: str) -> dict[str, Any]:
    """A list message with so many rows in each section."""
    made = [
        {
            "title": f"s{number}",
            "rows": [{"id": f"{number}-{row}", "title": "t", **change} for row in range(rows)],
        }
        for number, rows in enumerate(sections)
    ]
    return interactive("list", {"button": "Choose", "sections": made})


def link(display_text: str = "Pay", url: str = "https://shop.example/i/tok") -> dict[str, Any]:
    return interactive("cta_url", {"name": "cta_url", "parameters": {"display_text": display_text, "url": url}})


async def test_a_text_is_accepted_and_shown(stage: Stage) -> None:
    await stage.write()
    answer = await stage.send(to=f"+{JANE}", **text("₦75,000 received"))
    assert answer.status_code == 200
    assert answer.json()["messaging_product"] == "whatsapp"
    [contact] = answer.json()["contacts"]
    assert (contact["input"], contact["wa_id"]) == (f"+{JANE}", JANE)
    assert contact["user_id"].startswith("NG.")
    shown = (await stage.shown())[-1]
    assert shown["id"] == answer.json()["messages"][0]["id"]
    assert shown["id"].startswith("wamid.")
    assert (shown["direction"], shown["type"], shown["text"]) == ("outbound", "text", "₦75,000 received")
    assert shown["seq"] == 2


async def test_buttons_header_and_footer_are_shown(stage: Stage) -> None:
    await stage.write()
    message = buttons("Send", "Cancel", header={"type": "text", "text": "Preview"}, footer={"text": "not sent yet"})
    assert (await stage.send(**message)).status_code == 200
    shown = (await stage.shown())[-1]
    assert shown["buttons"] == [{"id": "id-0", "title": "Send"}, {"id": "id-1", "title": "Cancel"}]
    assert (shown["header"], shown["text"], shown["footer"]) == ("Preview", "b", "not sent yet")


async def test_a_link_button_is_shown(stage: Stage) -> None:
    await stage.write()
    await stage.send(**link())
    assert (await stage.shown())[-1]["url_button"] == {"display_text": "Pay", "url": "https://shop.example/i/tok"}


@pytest.mark.parametrize(
    "message",
    [
        text("x" * 4096),
        buttons("x" * 20),
        buttons("a", "b", "c", body={"text": "x" * 1024}, footer={"text": "x" * 60}),
        buttons("a", header={"type": "text", "text": "x" * 60}),
        link("x" * 20),
        listed(5, 5, description="x" * 72),
        {**text("x"), "biz_opaque_callback_data": "x" * 512},
        {**text("x"), "recipient_type": "individual", "context": {"message_id": "wamid.x"}},
    ],
)
async def test_what_is_just_within_a_limit_is_taken(stage: Stage, message: dict[str, Any]) -> None:
    await stage.write()
    answer = await stage.send(**message)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (text("x" * 4097), 131009),
        (text(""), 131009),
        (text(7), 131009),
        (text(None), 131008),
        ({"type": "text"}, 131008),
        ({"type": "text", "text": "hello"}, 131009),
        ({"type": "carrier_pigeon", "carrier_pigeon": {}}, 131051),
        (buttons(), 131009),
        (buttons("a", "b", "c", "d"), 131009),
        (buttons("x" * 21), 131009),
        (buttons("same", "same"), 131009),
        (interactive("button", {"buttons": [{"reply": {"id": "x" * 257, "title": "t"}}]}), 131009),
        (interactive("button", {"buttons": "Send"}), 131009),
        (buttons("a", body={"text": "x" * 1025}), 131009),
        (buttons("a", footer={"text": "x" * 61}), 131009),
        (buttons("a", header={"type": "text", "text": "x" * 61}), 131009),
        (buttons("a", header={"type": "sticker"}), 131009),
        (interactive("flow", {}), 131009),
        (listed(6, 5), 131009),
        (listed(*[1] * 11), 131009),
        (listed(1, title="x" * 25), 131009),
        (listed(1, description="x" * 73), 131009),
        (listed(1, id="x" * 201), 131009),
        (link("x" * 21), 131009),
        (link(url="javascript:alert(1)"), 131009),
        ({"type": "document", "document": {}}, 100),
        ({"type": "document", "document": {"id": "1", "link": "https://x.example/a.pdf"}}, 100),
        ({"type": "document", "document": {"id": "404"}}, 131009),
        ({"type": "document", "document": {"link": "http://127.0.0.1:9/a.pdf"}}, 131053),
        ({**text("x"), "biz_opaque_callback_data": "x" * 513}, 131009),
        ({**text("x"), "recipient_type": "group"}, 131009),
        ({**text("x"), "messaging_product": "sms"}, 100),
        ({**text("x"), "to": "08012345678"}, 131009),
        ({**text("x"), "to": None}, 131008),
        ({**text("x"), "to": BUSINESS}, 131021),
    ],
)
async def test_what_is_over_a_limit_is_refused_with_its_code(stage: Stage, message: dict[str, Any], code: int) -> None:
    await stage.write()
    answer = await stage.send(**message)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["type"]) == (code, "OAuthException")
    assert error["message"].startswith(f"(#{code})")
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert error["error_data"]["details"]
    assert error["fbtrace_id"]
    assert len(await stage.shown()) == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(stage: Stage, body: bytes) -> None:
    answer = await stage.graph("POST", f"/{NUMBER_ID}/messages", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


async def test_a_wrong_token_and_a_wrong_number_are_refused(stage: Stage) -> None:
    wrong = await stage.http.post(f"/graph/v23.0/{NUMBER_ID}/messages", headers={"authorization": "Bearer x"}, json={})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 190)
    headers = {"authorization": f"Bearer {TOKEN}"}
    other = await stage.http.post("/graph/v23.0/999/messages", headers=headers, json={})
    assert (other.status_code, other.json()["error"]["code"]) == (400, 100)


async def test_a_received_message_can_be_marked_read_with_typing(stage: Stage) -> None:
    written = await stage.write()
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": written["id"]}
    typing = {**body, "typing_indicator": {"type": "text"}}
    answer = await stage.graph("POST", f"/{NUMBER_ID}/messages", json=typing)
    assert answer.json() == {"success": True}
    assert (await stage.shown())[0]["status"] == "read"
    unknown = await stage.graph("POST", f"/{NUMBER_ID}/messages", json={**body, "message_id": "wamid.none"})
    assert unknown.json()["error"]["code"] == 131009
