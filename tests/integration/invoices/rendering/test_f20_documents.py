"""F20, F30, F31: what the PDF of a void invoice asks for, what a public PDF hides, what is warned about."""

import io
from typing import Any

import pypdf
import pytest
from support.builders import a_payment_succeeded, an_invoice
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, publish
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub


def text_of(content: bytes) -> str:
    return " ".join(pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text().split())


async def issued(invoices: InvoicesServiceStub, merchant: Any, **changes: Any) -> pb.Invoice:
    request = an_invoice(issue=True, **changes)
    invoice: pb.Invoice = (await invoices.CreateInvoice(request, metadata=merchant.metadata)).invoice
    return invoice


async def test_f20_a_void_invoice_is_due_nothing_in_the_api_and_on_its_pdf(
    invoices: InvoicesServiceStub, merchant: Any
) -> None:
    invoice = await issued(invoices, merchant)
    request = pb.VoidInvoiceRequest(invoice_id=invoice.id)
    void = (await invoices.VoidInvoice(request, metadata=merchant.metadata)).invoice
    assert (void.status, void.amount_due_minor, void.total_minor) == (pb.INVOICE_STATUS_VOID, 0, 7_500_000)
    wanted = pb.GetDocumentRequest(invoice_id=invoice.id)
    content = (await invoices.GetDocument(wanted, metadata=merchant.metadata)).content
    text = text_of(content)
    assert "VOID, NOTHING IS DUE ₦0.00" in text
    assert "Scan or tap to pay" not in text
    assert "/Annots" not in pypdf.PdfReader(io.BytesIO(content)).pages[0]


async def test_f17_a_payment_after_the_void_is_credit_and_nothing_stays_due(
    invoices: InvoicesServiceStub, merchant: Any, redis_url: str
) -> None:
    invoice = await issued(invoices, merchant)
    await invoices.VoidInvoice(pb.VoidInvoiceRequest(invoice_id=invoice.id), metadata=merchant.metadata)
    await publish(redis_url, "whatsinvoice.payments.v1", a_payment_succeeded(merchant.business_id, invoice.id, 100_000))

    async def credited() -> bool:
        request = pb.GetInvoiceRequest(invoice_id=invoice.id)
        found = (await invoices.GetInvoice(request, metadata=merchant.metadata)).invoice
        return (found.credit_minor, found.amount_due_minor) == (100_000, 0)

    await eventually(credited)


@pytest.mark.parametrize("kind", ["invoice", "receipt"])
async def test_f30_a_public_pdf_hides_what_the_page_hides(
    invoices: InvoicesServiceStub, merchant: Any, redis_url: str, keyring: Keyring, kind: str
) -> None:
    invoice = await issued(invoices, merchant)
    gateway = bearer(keyring.service_token("gateway", "invoices"))
    token = invoice.public_url.rpartition("/")[2]
    await publish(redis_url, "whatsinvoice.payments.v1", a_payment_succeeded(merchant.business_id, invoice.id, 100_000))
    receipts: list[pb.Receipt] = []

    async def there() -> bool:
        view = await invoices.GetPublicInvoice(pb.GetPublicInvoiceRequest(token=token), metadata=gateway)
        receipts[:] = view.receipts
        return bool(receipts)

    await eventually(there)
    receipt_token = receipts[0].public_url.rpartition("/")[2]
    by_link = pb.GetDocumentRequest(invoice_token=token)
    by_id = pb.GetDocumentRequest(invoice_id=invoice.id)
    if kind == "receipt":
        by_link = pb.GetDocumentRequest(receipt_token=receipt_token)
        by_id = pb.GetDocumentRequest(receipt_id=receipts[0].id)
    public = text_of((await invoices.GetDocument(by_link, metadata=gateway)).content)
    own = text_of((await invoices.GetDocument(by_id, metadata=merchant.metadata)).content)
    assert "+2348012345678" in own
    assert "Jane Okafor" in public
    assert "+2348012345678" not in public
    assert "jane@example.com" not in public


async def test_f31_characters_that_no_font_has_are_warned_about(invoices: InvoicesServiceStub, merchant: Any) -> None:
    line = {"description": "cake 🎂", "quantity": "1", "unit_price_minor": 500_000}
    invoice = await issued(invoices, merchant, lines=[line], customer={"name": "漢字"}, notes="thank you")
    told = {one.field: (one.code, one.message) for one in invoice.warnings}
    assert set(told) == {"customer.name", "lines[0].description"}
    assert told["lines[0].description"] == ("CHARACTERS_NOT_DRAWN", "the PDF shows \ufffd in place of 🎂")
    assert not (await issued(invoices, merchant)).warnings
