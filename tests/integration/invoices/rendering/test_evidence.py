"""The evidence pack: one PDF with all that proves an invoice."""

import io
from typing import Any

import grpc
import pypdf
import pytest
from support.builders import a_payment_succeeded, an_invoice
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, publish, reason_of
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice.notifications.v1.events_pb2 import MessageDelivered, MessageRead, MessageSent
from whatsinvoice.notifications.v1.notifications_pb2 import Message
from whatsinvoice_kit.core.ids import new_id

STEPS: tuple[tuple[type[Any], int], ...] = (
    (MessageSent, 1_795_600_000),
    (MessageDelivered, 1_795_600_061),
    (MessageRead, 1_795_603_722),
)


def told(step: type[Any], seconds: int, business_id: str, invoice_id: str) -> Any:
    message = Message(id="msg_1", invoice_id=invoice_id, purpose="invoice", channel="whatsapp")
    event = step(event_id=new_id("evt"), business_id=business_id, message=message)
    event.occur_time.seconds = seconds
    return event


async def test_one_pdf_tells_lines_receipts_deliveries_timeline_and_facts(
    invoices: InvoicesServiceStub, merchant: Any, redis_url: str, keyring: Keyring
) -> None:
    invoice = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    payment = a_payment_succeeded(merchant.business_id, invoice.id, 7_500_000)
    await publish(redis_url, "whatsinvoice.payments.v1", payment)
    messages = [told(step, seconds, merchant.business_id, invoice.id) for step, seconds in STEPS]
    await publish(redis_url, "whatsinvoice.notifications.v1", *messages)

    async def all_there() -> bool:
        request = pb.ListInvoiceEventsRequest(invoice_id=invoice.id)
        events = (await invoices.ListInvoiceEvents(request, metadata=merchant.metadata)).events
        return {"paid", "message_sent", "message_delivered", "message_read"} <= {event.kind for event in events}

    await eventually(all_there)
    acting = bearer(keyring.service_token("payments", "invoices", merchant.business_id))
    facts = {"Dispute": "dis_1, chargeback", "Answer of the merchant": "Delivered and read the same day."}
    request = pb.GetEvidenceRequest(invoice_id=invoice.id, payment_id=payment.payment.id, facts=facts)
    found = await invoices.GetEvidence(request, metadata=acting)
    assert found.file_name == "INV-000001-evidence.pdf"
    text = " ".join(" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(found.content)).pages)
    for expected in (
        "logo design",
        "75,000.00",
        "RCP-000001",
        "disputed",
        "whatsapp 25 November 2026, 10:46:40 (WAT) 25 November 2026, 10:47:41 (WAT) 25 November 2026, 11:48:42 (WAT)",
        "payment recorded amount: ₦75,000.00",
        "message read",
        "Answer of the merchant Delivered and read the same day.",
    ):
        assert expected in text, text


async def test_another_business_and_a_draft_have_none(
    invoices: InvoicesServiceStub, merchant: Any, other_merchant: Any, keyring: Keyring
) -> None:
    invoice = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    draft = (await invoices.CreateInvoice(an_invoice(), metadata=merchant.metadata)).invoice
    cases = (
        (other_merchant, invoice.id, "INVOICE_NOT_FOUND"),
        (merchant, draft.id, "INVOICE_NOT_ISSUED"),
    )
    for who, invoice_id, reason in cases:
        acting = bearer(keyring.service_token("payments", "invoices", who.business_id))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await invoices.GetEvidence(pb.GetEvidenceRequest(invoice_id=invoice_id), metadata=acting)
        assert reason_of(refused.value) == reason
