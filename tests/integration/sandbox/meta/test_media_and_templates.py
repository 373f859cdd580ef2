"""Documents go up, arrive on the phone byte for byte and come down again; templates are filled in and checked."""

import hashlib
from typing import Any

import pytest
from support.sandbox_stage import JANE, NUMBER_ID, Stage

PDF = b"%PDF-1.7 invoice \x00\xff"
MIB = 1024 * 1024


async def upload(stage: Stage, content: bytes = PDF, mime_type: str = "application/pdf") -> Any:
    how = {"data": {"messaging_product": "whatsapp"}, "files": {"file": ("a.pdf", content, mime_type)}}
    return await stage.graph("POST", f"/{NUMBER_ID}/media", **how)


async def test_an_uploaded_document_arrives_byte_for_byte(stage: Stage) -> None:
    await stage.write()
    media_id = (await upload(stage)).json()["id"]
    document = {"id": media_id, "filename": "INV-000001 Jane.pdf", "caption": "Your invoice"}
    assert (await stage.send(type="document", document=document)).status_code == 200
    shown = (await stage.shown())[-1]
    assert shown["text"] == "Your invoice"
    assert shown["document"]["filename"] == "INV-000001 Jane.pdf"
    assert shown["document"]["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert shown["document"]["size"] == len(PDF)
    fetched = await stage.http.get(shown["document"]["url"])
    assert (fetched.content, fetched.headers["content-type"]) == (PDF, "application/pdf")


async def test_a_document_may_be_named_by_a_link(stage: Stage) -> None:
    await stage.write()
    media_id = (await upload(stage)).json()["id"]
    link = f"{stage.server.address}/_control/media/{media_id}/a.pdf"
    answer = await stage.send(type="document", document={"link": link, "filename": "a.pdf"})
    assert answer.status_code == 200, answer.text
    assert (await stage.shown())[-1]["document"]["sha256"] == hashlib.sha256(PDF).hexdigest()


async def test_media_is_described_and_downloaded_with_the_token(stage: Stage) -> None:
    media_id = (await upload(stage)).json()["id"]
    described = (await stage.graph("GET", f"/{media_id}")).json()
    assert described["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert (described["mime_type"], described["file_size"]) == ("application/pdf", str(len(PDF)))
    path = described["url"].removeprefix(f"{stage.server.address}/graph/v23.0")
    assert (await stage.graph("GET", path)).content == PDF
    assert (await stage.http.get(described["url"])).status_code == 401
    assert (await stage.graph("GET", "/404")).json()["error"]["code"] == 100
    assert (await stage.graph("GET", "/media_download/none")).json()["error"]["code"] == 100


async def test_what_meta_does_not_take_is_refused(stage: Stage) -> None:
    for content, mime_type in ((b"MZ", "application/x-msdownload"), (b"", "image/png"), (b"x", "")):
        assert (await upload(stage, content, mime_type)).json()["error"]["code"] == 131053
    assert (await upload(stage, b"x" * (5 * MIB + 1), "image/png")).json()["error"]["code"] == 131053
    assert (await upload(stage, b"x" * (5 * MIB), "image/png")).status_code == 200
    no_file = await stage.graph("POST", f"/{NUMBER_ID}/media", data={"messaging_product": "whatsapp"})
    assert (no_file.status_code, no_file.json()["error"]["code"]) == (400, 100)


async def test_an_image_is_no_document(stage: Stage) -> None:
    await stage.write()
    media_id = (await upload(stage, b"png", "image/png")).json()["id"]
    assert (await stage.send(type="document", document={"id": media_id})).json()["error"]["code"] == 131053


def template(*parameters: str, name: str = "invoice_ready", more: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    body = {"type": "body", "parameters": [{"type": "text", "text": value} for value in parameters]}
    return {"type": "template", "template": {"name": name, "language": {"code": "en"}, "components": [body, *more]}}


async def test_while_none_is_registered_any_template_is_taken(stage: Stage) -> None:
    media_id = (await upload(stage)).json()["id"]
    document = {"type": "document", "document": {"id": media_id, "filename": "INV-1.pdf"}}
    reply = {"type": "payload", "payload": "receipt:1"}
    more = (
        {"type": "header", "parameters": [document]},
        {"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [reply]},
        {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "tok"}]},
    )
    answer = await stage.send(**template("Jane", "₦75,000.00", more=more))
    assert answer.json()["messages"][0]["message_status"] == "accepted"
    shown = (await stage.shown())[-1]
    assert shown["template"] == {"name": "invoice_ready", "language": "en", "parameters": ["Jane", "₦75,000.00"]}
    assert shown["text"] == "Jane · ₦75,000.00"
    assert shown["document"]["filename"] == "INV-1.pdf"
    assert shown["buttons"] == [{"id": "receipt:1", "title": "receipt:1"}]
    assert shown["url_button"]["url"] == "tok"


async def registered(stage: Stage) -> None:
    components = [
        {"type": "BODY", "text": "Hi {{1}}, you owe {{2}}."},
        {"type": "FOOTER", "text": "Reply STOP to opt out"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Pay now", "url": "https://shop.example/i/{{1}}"}]},
    ]
    body = {"name": "invoice_ready", "language": "en", "category": "UTILITY", "components": components}
    answer = await stage.graph("POST", "/555/message_templates", json=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "APPROVED")


async def test_a_registered_template_is_filled_in(stage: Stage) -> None:
    await registered(stage)
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "tok"}]}
    assert (await stage.send(**template("Jane", "₦5", more=(button,)))).status_code == 200
    shown = (await stage.shown())[-1]
    assert (shown["text"], shown["footer"]) == ("Hi Jane, you owe ₦5.", "Reply STOP to opt out")
    assert shown["url_button"] == {"display_text": "Pay now", "url": "https://shop.example/i/tok"}
    listed = (await stage.graph("GET", "/555/message_templates")).json()["data"]
    assert [known["name"] for known in listed] == ["invoice_ready"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (template("Jane"), 132000),
        (template("Jane", "₦5", "x"), 132000),
        (template("Jane", "₦5"), 132000),
        (template(name="other"), 132001),
        (template("Jane", "x" * 1020), 132005),
    ],
)
async def test_a_registered_template_is_checked(stage: Stage, message: dict[str, Any], code: int) -> None:
    await registered(stage)
    assert (await stage.send(to=JANE, **message)).json()["error"]["code"] == code


async def test_a_template_for_codes_is_in_metas_own_words(stage: Stage) -> None:
    components = [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 10},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}]},
    ]
    body = {"name": "code", "language": "en", "category": "AUTHENTICATION", "components": components}
    assert (await stage.graph("POST", "/555/message_templates", json=body)).status_code == 200
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "482913"}]}
    assert (await stage.send(**template("482913", name="code", more=(button,)))).status_code == 200
    shown = (await stage.shown())[-1]
    assert shown["text"] == "*482913* is your verification code. For your security, do not share this code."
    assert shown["footer"] == "This code expires in 10 minutes."
    assert (await stage.send(**template("482913", name="code"))).json()["error"]["code"] == 132000
