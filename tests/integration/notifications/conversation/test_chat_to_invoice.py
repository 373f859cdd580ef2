"""From a merchant's line to the customer's phone: draft, preview, Send, document, receipt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from support.notifications.stage import Merchant, Stage, a_phone
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice_kit.core.errors import DAILY_LIMIT_REACHED, Kind, ServiceError, invalid
from whatsinvoice_notifications.models import CONTACTS, INBOUND_MESSAGES, MESSAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def preview(stage: Stage, merchant: Merchant) -> invoices_pb2.Invoice:
    """The merchant writes her line and sees its card; gives the draft."""
    await stage.write(merchant.phone, merchant.line)
    [card] = await stage.heard(merchant.phone)
    invoice_id = card["buttons"][0]["id"].partition(":")[2]
    return stage.invoices.by_id[invoice_id]


async def test_a_line_becomes_an_invoice_on_the_customers_phone(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    card = (await stage.shown(merchant.phone))[0]
    assert [button["title"] for button in card["buttons"]] == ["Send", "Edit", "Cancel"]
    for part in ("Jane", merchant.customer, "logo design", "₦75,000.00", "Due:"):
        assert part in card["text"]
    assert not stage.invoices.issued
    await stage.write(merchant.phone, button_id=f"send:{draft.id}")
    answer = (await stage.heard(merchant.phone, 2))[1]
    assert answer["text"].startswith(f"✅ {draft.number} sent to Jane")
    await stage.tell_issued(merchant, draft)
    [got] = await stage.heard(merchant.customer)
    assert got["document"]["filename"] == f"{draft.id}.pdf"
    assert draft.public_url in got["text"]
    assert "₦75,000.00" in got["text"]


async def test_a_second_tap_sends_nothing_twice(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    for count in (2, 3):
        await stage.write(merchant.phone, button_id=f"send:{draft.id}")
        await stage.heard(merchant.phone, count)
    assert (await stage.shown(merchant.phone))[2]["text"] == f"This invoice was already sent as {draft.number}."
    assert stage.invoices.issued == 1


async def test_an_invoice_that_was_issued_elsewhere_is_told(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    stage.invoices.issue(draft)
    await stage.write(merchant.phone, button_id=f"send:{draft.id}")
    assert f"already sent as {draft.number}" in (await stage.heard(merchant.phone, 2))[1]["text"]


async def test_the_word_send_does_as_the_button_but_only_before_a_card(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, "send it")
    assert "did not understand" in (await stage.heard(merchant.phone))[0]["text"]
    await stage.write(merchant.phone, merchant.line)
    await stage.heard(merchant.phone, 2)
    await stage.write(merchant.phone, "send it")
    assert "sent to Jane" in (await stage.heard(merchant.phone, 3))[2]["text"]
    assert stage.invoices.issued == 1


@pytest.mark.parametrize("how", ["button", "text"])
async def test_cancel_ends_the_draft(stage: Stage, merchant: Merchant, how: str) -> None:
    draft = await preview(stage, merchant)
    await stage.write(
        merchant.phone, **({"button_id": f"cancel:{draft.id}"} if how == "button" else {"text": "cancel"})
    )
    assert (await stage.heard(merchant.phone, 2))[1]["text"] == "Cancelled. Nothing was sent."
    assert draft.id not in stage.invoices.by_id
    await stage.write(merchant.phone, button_id=f"send:{draft.id}")
    assert "gone" in (await stage.heard(merchant.phone, 3))[2]["text"]


async def test_edit_tells_how(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    await stage.write(merchant.phone, button_id=f"edit:{draft.id}")
    assert "write the whole invoice again" in (await stage.heard(merchant.phone, 2))[1]["text"]


async def test_what_is_missing_is_asked_for_once(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, "Invoice Jane 75000 for logo design due tomorrow")
    assert (await stage.heard(merchant.phone))[0]["text"] == "What is Jane's phone number?"
    assert not stage.invoices.created
    await stage.write(merchant.phone, merchant.customer)
    card = (await stage.heard(merchant.phone, 2))[1]
    assert card["buttons"][0]["id"].startswith("send:")
    assert stage.invoices.created[0].customer.phone == merchant.customer


@pytest.mark.parametrize(("text", "part"), [("help", "I make invoices for Ada Designs"), ("hello", "Hello Ada Obi")])
async def test_fixed_answers(stage: Stage, merchant: Merchant, text: str, part: str) -> None:
    await stage.write(merchant.phone, text)
    assert part in (await stage.heard(merchant.phone))[0]["text"]


async def test_what_is_not_understood_shows_the_buttons_again(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    await stage.write(merchant.phone, "the weather is fine today")
    again = (await stage.heard(merchant.phone, 2))[1]
    assert again["buttons"][0]["id"] == f"send:{draft.id}"


async def test_a_voice_note_is_answered(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, audio="T2dnUw==")
    assert "I can read text" in (await stage.heard(merchant.phone))[0]["text"]


async def test_a_stranger_is_welcomed(stage: Stage) -> None:
    phone = a_phone()
    await stage.write(phone, "hello")
    assert "Welcome to WhatsInvoice" in (await stage.heard(phone))[0]["text"]


@pytest.mark.parametrize("changes", [{"active": False}])
async def test_only_verified_active_members_are_merchants(stage: Stage, changes: dict[str, Any]) -> None:
    merchant = await stage.a_merchant(**changes)
    await stage.write(merchant.phone, merchant.line)
    assert "not registered" in (await stage.heard(merchant.phone))[0]["text"]
    assert not stage.invoices.created


async def test_a_hidden_number_is_answered_by_its_user_id(stage: Stage) -> None:
    phone = a_phone()
    await stage.write(phone, "hello", user_id_only=True)
    await stage.heard(phone)
    [known] = await stage.rows(CONTACTS, name=f"Phone {phone[-4:]}", phone=None)
    assert known["user_id"].startswith("NG.")
    await stage.write(phone, "hello again")
    await stage.heard(phone, 2)
    [known] = await stage.rows(CONTACTS, phone=phone)
    assert known["user_id"].startswith("NG.")


async def test_while_invoices_is_away_the_answer_waits(stage: Stage, merchant: Merchant) -> None:
    stage.invoices.away = True
    await stage.write(merchant.phone, merchant.line)
    assert "takes me longer" in (await stage.heard(merchant.phone))[0]["text"]
    stage.invoices.away = False
    await stage.heard(merchant.phone, 2)
    [row] = await stage.rows(INBOUND_MESSAGES, phone=merchant.phone)
    assert (row["outcome"], len(stage.invoices.created)) == ("answered", 1)


async def test_what_cannot_be_done_for_a_day_is_given_up_aloud(stage: Stage, merchant: Merchant) -> None:
    stage.invoices.away = True
    await stage.write(merchant.phone, merchant.line)
    await stage.heard(merchant.phone)
    async with stage.process.unit_of_work.begin() as tx:
        received = update(INBOUND_MESSAGES).where(INBOUND_MESSAGES.c.phone == merchant.phone)
        await tx.execute(received.values(received_at=datetime.now(UTC) - timedelta(hours=21)))
    assert "write it again" in (await stage.heard(merchant.phone, 2))[1]["text"]
    [row] = await stage.rows(INBOUND_MESSAGES, phone=merchant.phone)
    assert row["outcome"] == "gave up: DOWN"


async def test_a_refusal_is_told_in_plain_words(stage: Stage, merchant: Merchant) -> None:
    stage.invoices.refusal = invalid("due_date", "DUE_BEFORE_ISSUE", "the due date has passed")
    await stage.write(merchant.phone, merchant.line)
    assert "the due date has passed" in (await stage.heard(merchant.phone))[0]["text"]


async def test_f09_a_limit_that_is_reached_is_said_once_and_not_tried_again(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    message = "your business has reached its limit of 2,000 sent invoices a day; try again tomorrow"
    stage.invoices.refusal = ServiceError(Kind.RESOURCE_EXHAUSTED, DAILY_LIMIT_REACHED, message, retry_after=3_600)
    await stage.write(merchant.phone, button_id=f"send:{draft.id}")
    assert (await stage.heard(merchant.phone, 2))[1]["text"] == f"Nothing was sent: {message}."
    assert stage.invoices.issued == 0
    await stage.write(merchant.phone, button_id=f"send:{draft.id}")
    assert f"{draft.number} sent to Jane" in (await stage.heard(merchant.phone, 3))[2]["text"]


async def test_a_payment_is_told_once_to_customer_and_merchant(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    stage.invoices.issue(draft)
    await stage.tell_issued(merchant, draft)
    await stage.heard(merchant.customer)
    await stage.tell_paid(merchant, draft, due_minor=2_500_000)
    part = (await stage.heard(merchant.customer, 2))[1]
    assert ("₦50,000.00" in part["text"], "₦25,000.00" in part["text"]) == (True, True), "what was paid, what is due"
    await stage.write(merchant.customer, "how do I pay?")
    assert draft.public_url in (await stage.heard(merchant.customer, 3))[2]["text"]
    await stage.tell_paid(merchant, draft)
    receipt = (await stage.heard(merchant.customer, 4))[3]
    assert receipt["document"]
    assert "https://pay.example/r/" in receipt["text"]
    notices = [message["text"] for message in (await stage.heard(merchant.phone, 3))[1:]]
    assert all("Jane" in notice for notice in notices)
    for notice, paid in zip(notices, ("₦50,000.00", "₦75,000.00"), strict=True):
        assert paid in notice
    assert "₦75,000.00" in receipt["text"]
    rows = await stage.rows(MESSAGES, invoice_id=draft.id)
    purposes = sorted(row["purpose"] for row in rows)
    assert purposes == ["answer", "invoice", "payment_notice", "payment_notice", "receipt", "receipt"]
    await stage.write(merchant.customer, "balance")
    assert "settled" in (await stage.heard(merchant.customer, 5))[4]["text"]


async def test_an_invoice_without_a_phone_goes_to_nobody(stage: Stage, merchant: Merchant) -> None:
    draft = await preview(stage, merchant)
    stage.invoices.issue(draft)
    draft.customer.phone = ""
    await stage.tell_issued(merchant, draft)
    await stage.tell_paid(merchant, draft)
    await stage.heard(merchant.phone, 2)
    assert [row["purpose"] for row in await stage.rows(MESSAGES, invoice_id=draft.id)].count("invoice") == 0


async def test_f36_a_stranger_is_told_how_to_register(stage: Stage) -> None:
    phone = a_phone()
    await stage.write(phone, "invoice Jane 5000")
    said = (await stage.heard(phone))[0]["text"]
    assert "POST /v1/auth/register" in said
    assert "https://pay.example/docs" in said


@pytest.mark.parametrize("code", ["483920", "483 920", "483-920"])
async def test_f36_a_code_in_the_chat_proves_nothing_and_says_where_to_type_it(stage: Stage, code: str) -> None:
    phone = a_phone()
    await stage.write(phone, code)
    said = (await stage.heard(phone))[0]["text"]
    assert "POST /v1/auth/verify-phone" in said
    assert "proves nothing" in said


async def test_f36_six_digits_that_answer_a_question_for_the_amount_are_an_amount(
    stage: Stage, merchant: Merchant
) -> None:
    await stage.write(merchant.phone, f"Invoice Jane {merchant.customer} for logo design")
    await stage.heard(merchant.phone)
    await stage.write(merchant.phone, "483920")
    assert "483,920.00" in (await stage.heard(merchant.phone, 2))[1]["text"]
