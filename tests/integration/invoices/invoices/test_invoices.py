"""Create, issue, read, list and delete over the real service."""

import asyncio
from typing import Any

import grpc
import pytest
from support.builders import an_invoice
from support.keys import Keyring
from support.services import bearer, reason_of
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_kit.core.ids import new_id


async def test_a_draft_becomes_an_invoice_with_number_dates_and_link(
    invoices: InvoicesServiceStub, merchant: Any
) -> None:
    draft = (await invoices.CreateInvoice(an_invoice(), metadata=merchant.metadata)).invoice
    assert (draft.status, draft.number, draft.public_url) == (pb.INVOICE_STATUS_DRAFT, "", "")
    assert draft.total_minor == draft.amount_due_minor == 7_500_000
    assert draft.customer.phone == "+2348012345678"
    request = pb.IssueInvoiceRequest(invoice_id=draft.id)
    invoice = (await invoices.IssueInvoice(request, metadata=merchant.metadata)).invoice
    assert (invoice.status, invoice.number) == (pb.INVOICE_STATUS_OPEN, "INV-000001")
    assert invoice.public_url.startswith("http://pay.test/i/")
    assert invoice.version == draft.version + 1
    read = await invoices.GetInvoice(pb.GetInvoiceRequest(invoice_id=draft.id), metadata=merchant.metadata)
    assert read.invoice == invoice


async def test_issuing_twice_is_refused_and_takes_no_number(invoices: InvoicesServiceStub, merchant: Any) -> None:
    first = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.IssueInvoice(pb.IssueInvoiceRequest(invoice_id=first.id), metadata=merchant.metadata)
    assert reason_of(refused.value) == "INVOICE_NOT_DRAFT"
    second = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    assert second.number == "INV-000002"


async def test_numbers_are_gap_free_when_many_are_issued_at_once(invoices: InvoicesServiceStub, merchant: Any) -> None:
    request = an_invoice(issue=True)
    bad = an_invoice(issue=True, due_date="2020-01-01", terms_days=0)
    calls: list[Any] = [invoices.CreateInvoice(request, metadata=merchant.metadata) for _ in range(20)]
    failing: list[Any] = [invoices.CreateInvoice(bad, metadata=merchant.metadata) for _ in range(10)]
    answers: list[Any] = await asyncio.gather(*calls, *failing, return_exceptions=True)
    numbers = sorted(answer.invoice.number for answer in answers[:20])
    assert numbers == [f"INV-{n:06}" for n in range(1, 21)]
    assert all(isinstance(answer, grpc.aio.AioRpcError) for answer in answers[20:])


async def test_a_hundred_parallel_creates_with_one_key_make_one_invoice(
    invoices: InvoicesServiceStub, merchant: Any
) -> None:
    metadata = (*merchant.metadata, ("idempotency-key", "once"))
    calls = [invoices.CreateInvoice(an_invoice(), metadata=metadata) for _ in range(100)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    made = {a.invoice.id for a in answers if isinstance(a, pb.CreateInvoiceResponse)}
    others = {reason_of(a) for a in answers if isinstance(a, grpc.aio.AioRpcError)}
    assert len(made) == 1
    assert others <= {"IDEMPOTENCY_KEY_IN_USE"}
    page = await invoices.ListInvoices(pb.ListInvoicesRequest(), metadata=merchant.metadata)
    assert len(page.invoices) == 1


async def test_one_key_for_two_requests_is_refused(invoices: InvoicesServiceStub, merchant: Any) -> None:
    metadata = (*merchant.metadata, ("idempotency-key", "reused"))
    await invoices.CreateInvoice(an_invoice(), metadata=metadata)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.CreateInvoice(an_invoice(notes="other"), metadata=metadata)
    assert reason_of(refused.value) == "IDEMPOTENCY_KEY_REUSED"


async def test_an_inline_customer_is_found_again_by_phone(invoices: InvoicesServiceStub, merchant: Any) -> None:
    first = (await invoices.CreateInvoice(an_invoice(), metadata=merchant.metadata)).invoice
    again = an_invoice(customer={"name": "Jane O.", "phone": "+2348012345678"})
    second = (await invoices.CreateInvoice(again, metadata=merchant.metadata)).invoice
    assert second.customer.id == first.customer.id
    assert second.customer.name == "Jane O."
    record = await invoices.GetCustomer(
        pb.GetCustomerRequest(customer_id=first.customer.id), metadata=merchant.metadata
    )
    assert record.customer.name == "Jane Okafor"


async def test_a_list_is_walked_by_cursor_newest_first(invoices: InvoicesServiceStub, merchant: Any) -> None:
    made = [(await invoices.CreateInvoice(an_invoice(), metadata=merchant.metadata)).invoice.id for _ in range(5)]
    seen: list[str] = []
    request = pb.ListInvoicesRequest()
    request.page.limit = 2
    while True:
        answer = await invoices.ListInvoices(request, metadata=merchant.metadata)
        seen += [invoice.id for invoice in answer.invoices]
        if not answer.page.next_cursor:
            break
        request.page.cursor = answer.page.next_cursor
    assert seen == made[::-1]


async def test_another_business_sees_nothing_of_it(
    invoices: InvoicesServiceStub, merchant: Any, other_merchant: Any
) -> None:
    invoice = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    attempts: list[Any] = [
        invoices.GetInvoice(pb.GetInvoiceRequest(invoice_id=invoice.id), metadata=other_merchant.metadata),
        invoices.IssueInvoice(pb.IssueInvoiceRequest(invoice_id=invoice.id), metadata=other_merchant.metadata),
        invoices.DeleteInvoice(pb.DeleteInvoiceRequest(invoice_id=invoice.id), metadata=other_merchant.metadata),
        invoices.GetDocument(pb.GetDocumentRequest(invoice_id=invoice.id), metadata=other_merchant.metadata),
        invoices.ListInvoiceEvents(
            pb.ListInvoiceEventsRequest(invoice_id=invoice.id), metadata=other_merchant.metadata
        ),
    ]
    for answer in await asyncio.gather(*attempts, return_exceptions=True):
        assert isinstance(answer, grpc.aio.AioRpcError)
        assert reason_of(answer) == "INVOICE_NOT_FOUND"
    page = await invoices.ListInvoices(pb.ListInvoicesRequest(), metadata=other_merchant.metadata)
    assert list(page.invoices) == []


async def test_a_draft_can_be_deleted_and_an_invoice_cannot(invoices: InvoicesServiceStub, merchant: Any) -> None:
    draft = (await invoices.CreateInvoice(an_invoice(), metadata=merchant.metadata)).invoice
    await invoices.DeleteInvoice(pb.DeleteInvoiceRequest(invoice_id=draft.id), metadata=merchant.metadata)
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await invoices.GetInvoice(pb.GetInvoiceRequest(invoice_id=draft.id), metadata=merchant.metadata)
    assert reason_of(gone.value) == "INVOICE_NOT_FOUND"
    issued = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.DeleteInvoice(pb.DeleteInvoiceRequest(invoice_id=issued.id), metadata=merchant.metadata)
    assert reason_of(refused.value) == "INVOICE_NOT_DRAFT"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"customer": {"name": ""}}, "NAME_INVALID"),
        ({"customer": {"name": "Jane", "phone": "123"}}, "PHONE_INVALID"),
        ({"customer": {"name": "Jane", "email": "nowhere"}}, "EMAIL_INVALID"),
        ({"currency_code": "EUR"}, "CURRENCY_UNKNOWN"),
        ({"due_date": "tomorrow"}, "DATE_INVALID"),
        ({"due_date": "2027-01-01", "terms_days": 3}, "TERMS_TWICE"),
        ({"lines": []}, "LINES_COUNT"),
        ({"customer_id": "cus_1"}, "CUSTOMER_REQUIRED"),
    ],
)
async def test_a_broken_rule_is_named(
    invoices: InvoicesServiceStub, merchant: Any, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.CreateInvoice(an_invoice(**changes), metadata=merchant.metadata)
    assert reason_of(refused.value) == reason
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_business_that_is_not_known_yet_is_asked_to_wait(
    invoices: InvoicesServiceStub, keyring: Keyring
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.CreateInvoice(an_invoice(), metadata=bearer(keyring.user_token(new_id("biz"))))
    assert reason_of(refused.value) == "BUSINESS_NOT_READY"
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_two_customers_cannot_have_one_phone(invoices: InvoicesServiceStub, merchant: Any) -> None:
    request = pb.CreateCustomerRequest(customer=pb.CustomerInput(name="Jane", phone="08012345678"))
    await invoices.CreateCustomer(request, metadata=merchant.metadata)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.CreateCustomer(request, metadata=merchant.metadata)
    assert reason_of(refused.value) == "CUSTOMER_EXISTS"
    page = await invoices.ListCustomers(pb.ListCustomersRequest(), metadata=merchant.metadata)
    assert [customer.name for customer in page.customers] == ["Jane"]
