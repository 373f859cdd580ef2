"""The wording of WhatsApp templates: every message fits the one it names, and each keeps to what Meta approves."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whatsinvoice_notifications import texts, wordings
from whatsinvoice_notifications.clients.whatsapp_bodies import body_of
from whatsinvoice_notifications.domain.message import Attachment, Content
from whatsinvoice_notifications.wordings import all_wordings, differences, wording

BASE = "https://pay.example"
FILE = ("media-1", "a.pdf")
PLACEHOLDER = re.compile(r"\{\{\d+\}\}")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3000)
VALUES = {
    "number": "INV-000001",
    "total": "₦75,000.00",
    "due_date": "24 Dec 2026",
    "amount": "₦50,000.00",
    "due": "₦25,000.00",
    "receipt": "RCP-000001",
    "code": "482913",
    "reason": "the amount was wrong",
    "due_time": "24 Dec 2026, 12:00",
    "from_time": "24 Dec 2026, 12:00",
    "bank": "Guaranty Trust Bank",
    "last4": "6789",
    "credit": "₦5,000.00",
    "sent": "₦49,000.00",
    "minimum": "₦50.00",
    "payment": "pay_01k7q6m3x9v2c8d4f5g6h7j8k9",
    "standing": "The invoice is due again by this amount.",
    "until": "24 Dec 2026, 12:00",
    "action": "register",
    "tag": "K7PM",
    "inviter": "Ada Obi",
    "role": "staff",
    "failures": "10",
    "dispute": "dis_01k7q6m3x9v2c8d4f5g6h7j8k9",
    "docs": "https://pay.example/docs",
}
RECEIPTS = ("receipt", "payment_notice")
"""What begins so leads to a receipt, all else to an invoice."""
INVOICE, RECEIPT = Attachment(invoice_id="inv_1"), Attachment(receipt_id="rcp_1")
SENT = {
    "one_time_code": None,
    "invoice": INVOICE,
    "receipt": RECEIPT,
    "receipt_partial": RECEIPT,
    "receipt_credit": RECEIPT,
    "payment_notice": None,
    "payment_notice_partial": None,
    "payment_notice_credit": None,
    "payment_held": None,
    "payment_held_payer": None,
    "payment_undone": None,
    "payment_undone_payer": None,
    "transfer_account_open": None,
    "transfer_returned": None,
    "online_unavailable": None,
    "document_warning": None,
    "transfer_claimed": None,
    "transfer_rejected": None,
    "refund_processed": None,
    "refund_failed": None,
    "refund_needs_attention": None,
    "refund_sent": None,
    "dispute_opened": None,
    "dispute_won": None,
    "dispute_lost": None,
    "payout_account_changed": None,
    "already_registered": None,
    "invitation": None,
    "account_recovered": None,
    "guessing_detected": None,
}
"""Every text that may go as a template, with what the services attach to it."""


def rendered(name: str, customer: str = "Jane", business: str = "Ada Designs") -> Content:
    url = f"{BASE}/{'r' if name.startswith(RECEIPTS) else 'i'}/a-token"
    return texts.render(name, attachment=SENT[name], customer=customer, business=business, url=url, **VALUES)


def part(components: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next((part for part in components if part["type"].upper() == kind), {})


def filled(text: str, values: list[str]) -> str:
    return PLACEHOLDER.sub(lambda found: values[int(found[0][2:-2]) - 1], text)


def test_every_wording_is_of_a_text_that_is_sent_and_of_none_else() -> None:
    templates = [content.template for content in map(rendered, SENT)]
    assert sorted(template.name for template in templates if template) == sorted(one.name for one in all_wordings())


@pytest.mark.parametrize("name", SENT)
def test_a_message_fits_its_template(name: str) -> None:
    """What Meta refuses with 132000 and 132012: another number of values, another header, another button."""
    content = rendered(name)
    file = FILE if content.attachment else None
    recipient = {"phone": "+2348012345678", "user_id": ""}
    sent = body_of(content, **recipient, correlation="msg_1", file=file, template=True)["template"]
    definition = wording(sent["name"], sent["language"]["code"]).definition(BASE)
    registered, components = definition["components"], sent["components"]
    formats = [parameter["type"].upper() for parameter in part(components, "HEADER").get("parameters", [])]
    assert formats == [found for found in [part(registered, "HEADER").get("format")] if found]
    values = [parameter["text"] for parameter in part(components, "BODY").get("parameters", [])]
    buttons = [component for component in components if component["type"] == "button"]
    if not part(registered, "BUTTONS"):
        assert buttons == []
        return
    assert [(button["sub_type"], button["index"], len(button["parameters"])) for button in buttons] == [("url", "0", 1)]
    [button], given_value = part(registered, "BUTTONS")["buttons"], buttons[0]["parameters"][0]["text"]
    if definition["category"] == "AUTHENTICATION":
        assert (values, given_value, button["otp_type"]) == (["482913"], "482913", "COPY_CODE")
        return
    text = part(registered, "BODY")["text"]
    assert PLACEHOLDER.findall(text) == [f"{{{{{number}}}}}" for number in range(1, len(values) + 1)]
    link = filled(button["url"], [given_value])
    assert link == values[-1]
    assert f" {link}\n" in filled(text, values)


@pytest.mark.parametrize("one", [one for one in all_wordings() if not one.is_code], ids=lambda one: one.name)
def test_a_wording_keeps_to_what_meta_approves(one: wordings.Wording) -> None:
    definition = one.definition(BASE, "4::a-handle")
    body, buttons = part(definition["components"], "BODY"), part(definition["components"], "BUTTONS").get("buttons", [])
    assert re.fullmatch(r"[a-z0-9_]{1,512}", one.name)
    assert definition["category"] == "UTILITY"
    assert not re.search(r"^\{\{|\}\}\W*$|\}\}\W*\{\{|\n{3}|\t| {4}", body["text"])
    words = PLACEHOLDER.sub("", body["text"]).split()
    assert len(words) > 2 * len(one.parameters) + 1
    samples = body.get("example", {"body_text": [[]]})["body_text"]
    assert [len(sample) for sample in samples] == [len(one.parameters)]
    assert len(buttons) == ("{url}" in one.body)
    assert all(len(button["text"]) <= 25 for button in buttons)
    assert part(definition["components"], "HEADER").get("example", {"header_handle": ["4::a-handle"]}) == {
        "header_handle": ["4::a-handle"]
    }


@given(NAMES, NAMES)
def test_no_name_makes_a_template_too_long(customer: str, business: str) -> None:
    for name in SENT:
        template = rendered(name, customer, business).template
        assert template
        body = part(wording(template.name, "en").definition(BASE)["components"], "BODY")
        assert len(filled(body.get("text", ""), list(template.parameters))) <= 1024


def test_a_link_that_the_button_cannot_lead_to_is_not_sent() -> None:
    for url in (f"{BASE}/x/a-token", f"{BASE}/i/"):
        with pytest.raises(ValueError, match="invoice_issued"):
            texts.render("invoice", attachment=INVOICE, customer="Jane", business="Ada", url=url, **VALUES)


def test_what_meta_adds_is_no_difference_and_what_it_changes_is() -> None:
    """The code's template as Meta lists it after it has put in its own words and its own link."""
    ours = wording("one_time_code", "en").definition(BASE)
    address = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"
    link = {"type": "URL", "text": "Copy code", "url": address}
    code = "*{{1}}* is your verification code. For your security, do not share this code."
    body = {"type": "BODY", "text": code, "add_security_recommendation": True}
    footer = {"type": "FOOTER", "text": "This code expires in 10 minutes.", "code_expiration_minutes": 10}
    listed = ours | {"status": "APPROVED", "components": [body, footer, {"type": "BUTTONS", "buttons": [link]}]}
    assert differences(ours, listed) == []
    footer["code_expiration_minutes"] = 5
    assert differences(ours, listed | {"category": "UTILITY"}) == ["category", "FOOTER"]
