"""Messages out: codes, statuses, retries, templates, and what a business may read of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy.exc import OperationalError
from support.notifications.envelopes import a_message, a_status, envelope
from support.notifications.parts import CODE, PDF
from support.notifications.stage import Merchant, Stage, a_phone
from support.services import bearer, reason_of
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.notifications.v1 import notifications_pb2 as pb
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.queue import work
from whatsinvoice_notifications import texts
from whatsinvoice_notifications.clients.whatsapp_webhooks import read_webhook
from whatsinvoice_notifications.domain.message import Outgoing, Purpose
from whatsinvoice_notifications.models import CONTACTS, INBOUND_MESSAGES, KIT_TABLES, MESSAGES
from whatsinvoice_notifications.repository import contacts, inbound, messages
from whatsinvoice_notifications.service import sending
from whatsinvoice_notifications.service.progress import move

pytestmark = pytest.mark.asyncio(loop_scope="module")

OUTAGE = {"provider": "meta", "call": "messages", "fault": "http_5xx"}


def an_issued_invoice(merchant: Merchant) -> invoices_pb2.Invoice:
    return invoices_pb2.Invoice(
        id=new_id("inv"),
        number="INV-000007",
        status=invoices_pb2.INVOICE_STATUS_OPEN,
        customer=invoices_pb2.Customer(name="Jane", phone=merchant.customer),
        currency_code="NGN",
        total_minor=7_500_000,
        amount_due_minor=7_500_000,
        due_date="2026-12-24",
        public_url="https://pay.example/i/a-link",
        version=2,
    )


async def row_to(stage: Stage, phone: str, status: str = "") -> Any:
    """The message to a phone, once it has the status."""

    async def found() -> Any:
        contacts = await stage.rows(CONTACTS, phone=phone)
        rows = await stage.rows(MESSAGES, contact_id=contacts[0]["id"]) if contacts else []
        return next((row for row in rows if status in ("", row["status"])), None)

    return await stage.until(found)


async def test_a_code_is_asked_for_when_it_is_sent_and_kept_nowhere(stage: Stage) -> None:
    phone = a_phone()
    await stage.fault(OUTAGE)
    verification_id = await stage.request_code(phone)
    queued = await row_to(stage, phone, "queued")
    assert CODE not in str(dict(queued))
    await stage.fault()
    [got] = await stage.heard(phone)
    assert CODE in got["text"] or CODE in str(got["template"])
    assert verification_id in stage.auth.asked
    await row_to(stage, phone, "delivered")
    assert CODE not in str(dict(await row_to(stage, phone)))


async def test_f03_the_phone_of_a_registered_person_is_told_without_a_code(stage: Stage) -> None:
    phone = a_phone()
    stage.auth.registered.add(phone)
    await stage.request_code(phone)
    [got] = await stage.heard(phone)
    assert got["template"]["name"] == "already_registered"
    assert CODE not in str(got)


async def test_f08_code_and_tag_written_from_the_phone_bring_that_request_s_code(stage: Stage) -> None:
    phone = a_phone()
    await stage.request_code(phone, tag="K7PM", send=False)
    for count, (said, answer) in enumerate(
        [("CODE K7PM", CODE), ("code: k7pm.", CODE), ("CODE ZZZZ", "no open request with the tag ZZZZ")], start=1
    ):
        await stage.write(phone, said)
        assert answer in (await stage.heard(phone, count))[-1]["text"]
    await stage.write(phone, "the code K7PM please")
    assert "Welcome" in (await stage.heard(phone, 4))[-1]["text"]


async def test_f08_a_merchant_s_code_is_brought_and_leaves_the_card_as_it_was(stage: Stage, merchant: Merchant) -> None:
    await stage.request_code(merchant.phone, tag="K7PM", send=False)
    await stage.write(merchant.phone, merchant.line)
    [preview] = await stage.heard(merchant.phone)
    await stage.write(merchant.phone, "CODE K7PM")
    assert CODE in (await stage.heard(merchant.phone, 2))[-1]["text"]
    await stage.write(merchant.phone, button_id=preview["buttons"][0]["id"])
    assert "sent to" in (await stage.heard(merchant.phone, 3))[-1]["text"]


async def test_f08_a_code_of_another_phone_is_not_brought(stage: Stage) -> None:
    await stage.request_code(a_phone(), tag="K7PM", send=False)
    phone = a_phone()
    await stage.write(phone, "CODE K7PM")
    [got] = await stage.heard(phone)
    assert CODE not in got["text"]


@pytest.mark.parametrize(
    ("lease", "failing_times"), [(sending.LEASE, 2), (timedelta(0), 5)], ids=["soon", "past lease"]
)
async def test_what_was_sent_and_could_not_be_recorded_is_not_sent_again(
    stage: Stage, merchant: Merchant, monkeypatch: pytest.MonkeyPatch, lease: timedelta, failing_times: int
) -> None:
    failures = [OperationalError("UPDATE", {}, Exception("the connection is gone"))] * failing_times
    monkeypatch.setattr(sending, "LEASE", lease)

    async def failing(*args: Any, **how: Any) -> Any:
        if failures:
            raise failures.pop()
        return await move(*args, **how)

    monkeypatch.setattr(sending, "move", failing)
    await stage.fault({"provider": "meta", "call": "webhook", "fault": "drop"})
    await stage.tell_issued(merchant, an_issued_invoice(merchant))
    sent = await row_to(stage, merchant.customer, "sent")
    [shown] = await stage.shown(merchant.customer)
    assert (sent["provider_id"], failures) == (shown["id"], [])
    assert sent["attempts"] == 1 or not lease
    await stage.fault()


async def test_a_code_that_came_too_late_is_not_sent(stage: Stage) -> None:
    phone = a_phone()
    await stage.request_code(phone, minutes=-1)
    assert (await row_to(stage, phone, "failed"))["error_code"] == "expired"
    assert not await stage.shown(phone)


async def test_a_code_that_was_spent_before_it_was_sent_is_not_sent(stage: Stage) -> None:
    phone = a_phone()
    await stage.fault(OUTAGE)
    await stage.request_code(phone)
    await row_to(stage, phone, "queued")
    stage.auth.known.clear()
    await stage.fault()
    assert (await row_to(stage, phone, "failed"))["error_code"] == "VERIFICATION_NOT_FOUND"


async def test_an_invoice_goes_as_a_template_with_its_document_and_is_told_step_by_step(
    stage: Stage, merchant: Merchant
) -> None:
    invoice = an_issued_invoice(merchant)
    await stage.tell_issued(merchant, invoice)
    [got] = await stage.heard(merchant.customer)
    assert got["template"]["name"] == "invoice_issued"
    assert (await stage.sandbox.get(got["document"]["url"])).content == PDF
    sent = await row_to(stage, merchant.customer, "delivered")
    assert sent["pricing"]["category"] == "utility"
    await stage.sandbox.post(f"/_control/phones/{merchant.customer}/read")
    await row_to(stage, merchant.customer, "read")
    assert await stage.events(merchant.business_id) == ["MessageSent", "MessageDelivered", "MessageRead"]


async def test_within_the_window_it_goes_free_form(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.customer, "hello")
    await stage.heard(merchant.customer)
    await stage.tell_issued(merchant, an_issued_invoice(merchant))
    got = (await stage.heard(merchant.customer, 2))[1]
    assert got["type"] == "document"
    assert "https://pay.example/i/a-link" in got["text"]


async def test_a_window_that_meta_says_is_closed_means_one_template(stage: Stage, merchant: Merchant) -> None:
    """We believe that the customer wrote; Meta (131047) knows better."""
    hello = a_message(merchant.customer)
    await stage.receive(envelope({"messages": [hello]}))
    await stage.until(lambda: stage.rows(INBOUND_MESSAGES, provider_id=hello["id"], outcome="answered"))
    invoice = an_issued_invoice(merchant)
    await stage.tell_issued(merchant, invoice)
    [got] = await stage.heard(merchant.customer)
    assert got["template"]["name"] == "invoice_issued"
    [row] = await stage.rows(MESSAGES, invoice_id=invoice.id)
    assert (row["template_only"], row["attempts"]) == (True, 2)
    [contact] = await stage.rows(CONTACTS, phone=merchant.customer)
    [welcome] = await stage.rows(MESSAGES, contact_id=contact["id"], purpose="welcome")
    assert (welcome["status"], welcome["error_code"], welcome["attempts"]) == ("failed", "131047", 1)


async def test_a_window_that_closed_after_meta_took_it_means_one_successor(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.customer, "hello")
    await stage.heard(merchant.customer)
    invoice = an_issued_invoice(merchant)
    await stage.fault({"provider": "meta", "call": "webhook", "fault": "drop"})
    await stage.tell_issued(merchant, invoice)
    await stage.heard(merchant.customer, 2)
    [row] = await stage.until(lambda: stage.rows(MESSAGES, invoice_id=invoice.id, status="sent"))
    errors = [{"code": 131047, "title": "Re-engagement message"}]
    told = a_status("failed", row["id"], row["provider_id"], errors=errors)
    for _ in range(2):
        await stage.receive(envelope({"statuses": [told]}))
    assert (await stage.heard(merchant.customer, 3))[2]["template"]["name"] == "invoice_issued"
    assert len(await stage.rows(MESSAGES, invoice_id=invoice.id)) == 2


@pytest.mark.parametrize(
    "fault",
    [{**OUTAGE, "count": 2}, {**OUTAGE, "fault": "rate_limit", "count": 2}, {**OUTAGE, "call": "media", "count": 1}],
)
async def test_what_passes_is_tried_again(stage: Stage, merchant: Merchant, fault: dict[str, Any]) -> None:
    await stage.fault(fault)
    await stage.tell_issued(merchant, an_issued_invoice(merchant))
    await stage.heard(merchant.customer)
    assert (await row_to(stage, merchant.customer))["attempts"] == fault["count"] + 1


async def test_a_document_that_cannot_be_had_yet_is_waited_for(stage: Stage, merchant: Merchant) -> None:
    stage.invoices.away = True
    await stage.tell_issued(merchant, an_issued_invoice(merchant))
    await stage.until(lambda: stage.rows(MESSAGES, business_id=merchant.business_id, error_code="DOWN"))
    assert not await stage.shown(merchant.customer)
    stage.invoices.away = False
    await stage.heard(merchant.customer)


async def test_what_a_dead_worker_held_is_sent_after_its_lease(stage: Stage, merchant: Merchant) -> None:
    hello = a_message(merchant.customer)
    [incoming] = read_webhook(envelope({"messages": [hello]})).messages
    lease = timedelta(seconds=0.5)
    async with stage.process.unit_of_work.begin() as tx:
        contact_id = await contacts.contact_for(tx, merchant.phone)
        greeting = texts.render("one_time_code", code="1", action="register", tag="K7PM")
        await messages.queue(tx, Outgoing(Purpose.ANSWER, contact_id, new_id("evt"), greeting))
        await inbound.add_messages(tx, [incoming])
        assert await messages.claim(tx, datetime.now(UTC), lease, 100)
        assert await work.claim(tx, KIT_TABLES.work, inbound.MESSAGE, lease, 100)
    await stage.heard(merchant.phone)
    await stage.until(lambda: stage.rows(INBOUND_MESSAGES, provider_id=hello["id"], outcome="answered"))


async def test_a_late_invoice_event_is_sent_unless_it_is_paid(stage: Stage, merchant: Merchant) -> None:
    for due_minor, expected in ((2_500_000, ["invoice", "receipt"]), (0, ["receipt"])):
        invoice = an_issued_invoice(merchant)
        issued = invoices_pb2.Invoice.FromString(invoice.SerializeToString())
        await stage.tell_paid(merchant, invoice, due_minor)
        await stage.until(lambda: stage.rows(MESSAGES, invoice_id=invoice.id, purpose="receipt"))  # noqa: B023  (awaited at once)
        for _ in range(2):
            event_id = await stage.tell_issued(merchant, issued)
            await stage.until(lambda: stage.rows(KIT_TABLES.inbox, event_id=event_id))  # noqa: B023  (awaited at once)
        rows = await stage.rows(MESSAGES, invoice_id=invoice.id)
        assert sorted({row["purpose"] for row in rows} - {"payment_notice"}) == expected


async def test_statuses_out_of_order_never_go_back(stage: Stage, merchant: Merchant) -> None:
    await stage.fault({"provider": "meta", "call": "webhook", "fault": "drop"})
    await stage.tell_issued(merchant, an_issued_invoice(merchant))
    row = await row_to(stage, merchant.customer, "sent")
    for status in ("read", "delivered", "sent", "failed", "read", "unheard of"):
        await stage.receive(envelope({"statuses": [a_status(status, row["id"], row["provider_id"])]}))
        await stage.until(stage.no_status_waits)
        assert (await row_to(stage, merchant.customer))["status"] == "read"
    assert await stage.events(merchant.business_id) == ["MessageSent", "MessageRead"]


async def test_a_business_reads_its_own_messages_only(stage: Stage, merchant: Merchant) -> None:
    for _ in range(3):
        invoice = an_issued_invoice(merchant)
        await stage.tell_issued(merchant, invoice)
    await stage.heard(merchant.customer, 3)
    own = bearer(stage.keyring.user_token(merchant.business_id))
    page = common_pb2.PageRequest(limit=2)
    first = await stage.stub.ListMessages(pb.ListMessagesRequest(page=page), metadata=own)
    page.cursor = first.page.next_cursor
    second = await stage.stub.ListMessages(pb.ListMessagesRequest(page=page), metadata=own)
    ids = [message.id for message in (*first.messages, *second.messages)]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert not second.page.next_cursor
    of_one = await stage.stub.ListMessages(pb.ListMessagesRequest(invoice_id=invoice.id), metadata=own)
    assert [message.invoice_id for message in of_one.messages] == [invoice.id]
    got = await stage.stub.GetMessage(pb.GetMessageRequest(message_id=ids[0]), metadata=own)
    assert got.message.to_masked == "+*********" + merchant.customer[-4:]
    other = bearer(stage.keyring.user_token(new_id("biz")))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stage.stub.GetMessage(pb.GetMessageRequest(message_id=ids[0]), metadata=other)
    assert reason_of(refused.value) == "MESSAGE_NOT_FOUND"
