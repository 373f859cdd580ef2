"""Payments as events: applied once, receipts written, documents and public links."""

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
from whatsinvoice.notifications.v1.events_pb2 import MessageSent
from whatsinvoice.notifications.v1.notifications_pb2 import Message
from whatsinvoice_kit.core.ids import new_id

STREAM = "whatsinvoice.payments.v1"


async def issued(invoices: InvoicesServiceStub, merchant: Any) -> pb.Invoice:
    response = await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)
    invoice: pb.Invoice = response.invoice
    return invoice


async def reread(invoices: InvoicesServiceStub, merchant: Any, invoice_id: str) -> pb.Invoice:
    response = await invoices.GetInvoice(pb.GetInvoiceRequest(invoice_id=invoice_id), metadata=merchant.metadata)
    invoice: pb.Invoice = response.invoice
    return invoice


async def kinds(invoices: InvoicesServiceStub, merchant: Any, invoice_id: str) -> list[str]:
    request = pb.ListInvoiceEventsRequest(invoice_id=invoice_id)
    return [e.kind for e in (await invoices.ListInvoiceEvents(request, metadata=merchant.metadata)).events]


async def test_a_payment_settles_its_invoice_once_however_often_it_is_told(
    invoices: InvoicesServiceStub, merchant: Any, redis_url: str, keyring: Keyring
) -> None:
    invoice = await issued(invoices, merchant)
    told = a_payment_succeeded(merchant.business_id, invoice.id, 7_500_000)
    again = a_payment_succeeded(merchant.business_id, invoice.id, 7_500_000, id=told.payment.id)
    await publish(redis_url, STREAM, told, told, again)

    async def paid() -> bool:
        return (await reread(invoices, merchant, invoice.id)).status == pb.INVOICE_STATUS_PAID

    await eventually(paid)
    gateway = bearer(keyring.service_token("gateway", "invoices"))
    token = invoice.public_url.rpartition("/")[2]

    async def receipts() -> list[pb.Receipt]:
        view = await invoices.GetPublicInvoice(pb.GetPublicInvoiceRequest(token=token), metadata=gateway)
        return list(view.receipts)

    found = await receipts()
    assert [(r.number, r.amount.amount_minor, r.amount_due_minor) for r in found] == [("RCP-000001", 7_500_000, 0)]
    assert await kinds(invoices, merchant, invoice.id) == ["created", "issued", "payment_recorded", "paid"]
    receipt_token = found[0].public_url.rpartition("/")[2]
    page = await invoices.GetPublicReceipt(pb.GetPublicReceiptRequest(token=receipt_token), metadata=gateway)
    assert (page.business_name, page.customer_name) == ("Ada Designs", "Jane Okafor")


async def test_part_payments_add_up_and_the_rest_is_credit(
    invoices: InvoicesServiceStub, merchant: Any, redis_url: str
) -> None:
    invoice = await issued(invoices, merchant)
    await publish(redis_url, STREAM, a_payment_succeeded(merchant.business_id, invoice.id, 5_000_000))

    async def part() -> bool:
        return (await reread(invoices, merchant, invoice.id)).status == pb.INVOICE_STATUS_PARTIALLY_PAID

    await eventually(part)
    await publish(redis_url, STREAM, a_payment_succeeded(merchant.business_id, invoice.id, 5_000_000))

    async def whole() -> bool:
        return (await reread(invoices, merchant, invoice.id)).status == pb.INVOICE_STATUS_PAID

    await eventually(whole)
    settled = await reread(invoices, merchant, invoice.id)
    assert (settled.amount_paid_minor, settled.amount_due_minor) == (7_500_000, 0)


async def test_a_public_link_shows_no_contact_and_ends_nowhere_else(
    invoices: InvoicesServiceStub, merchant: Any, keyring: Keyring
) -> None:
    invoice = await issued(invoices, merchant)
    gateway = bearer(keyring.service_token("gateway", "invoices"))
    token = invoice.public_url.rpartition("/")[2]
    view = await invoices.GetPublicInvoice(pb.GetPublicInvoiceRequest(token=token), metadata=gateway)
    assert (view.invoice.customer.name, view.invoice.customer.phone, view.invoice.customer.email) == (
        "Jane Okafor",
        "",
        "",
    )
    with pytest.raises(grpc.aio.AioRpcError) as nothing:
        await invoices.GetPublicInvoice(pb.GetPublicInvoiceRequest(token=token[:-1]), metadata=gateway)
    assert reason_of(nothing.value) == "LINK_NOT_FOUND"


async def test_payments_learns_what_is_due(invoices: InvoicesServiceStub, merchant: Any, keyring: Keyring) -> None:
    invoice = await issued(invoices, merchant)
    token = invoice.public_url.rpartition("/")[2]
    metadata = bearer(keyring.service_token("payments", "invoices"))
    payable = await invoices.GetPayable(pb.GetPayableRequest(token=token), metadata=metadata)
    assert (payable.business_id, payable.amount_due.amount_minor) == (merchant.business_id, 7_500_000)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.GetPayable(pb.GetPayableRequest(token=token), metadata=merchant.metadata)
    assert reason_of(refused.value) == "NOT_ALLOWED"


async def test_a_document_is_rendered_once_and_read_again(invoices: InvoicesServiceStub, merchant: Any) -> None:
    invoice = await issued(invoices, merchant)
    request = pb.GetDocumentRequest(invoice_id=invoice.id)
    first = await invoices.GetDocument(request, metadata=merchant.metadata)
    second = await invoices.GetDocument(request, metadata=merchant.metadata)
    assert first == second
    assert first.file_name == "INV-000001.pdf"
    text = pypdf.PdfReader(io.BytesIO(first.content)).pages[0].extract_text()
    assert "75,000.00" in text
    assert "Jane Okafor" in text


async def test_a_draft_has_no_document(invoices: InvoicesServiceStub, merchant: Any) -> None:
    draft = (await invoices.CreateInvoice(an_invoice(), metadata=merchant.metadata)).invoice
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.GetDocument(pb.GetDocumentRequest(invoice_id=draft.id), metadata=merchant.metadata)
    assert reason_of(refused.value) == "INVOICE_NOT_ISSUED"


async def test_message_statuses_are_on_the_timeline(
    invoices: InvoicesServiceStub, merchant: Any, redis_url: str
) -> None:
    invoice = await issued(invoices, merchant)
    event = MessageSent(
        event_id=new_id("evt"),
        business_id=merchant.business_id,
        message=Message(id=new_id("msg"), invoice_id=invoice.id, purpose="invoice", channel="whatsapp"),
    )
    event.occur_time.GetCurrentTime()
    await publish(redis_url, "whatsinvoice.notifications.v1", event)

    async def on_timeline() -> bool:
        return "message_sent" in await kinds(invoices, merchant, invoice.id)

    await eventually(on_timeline)
