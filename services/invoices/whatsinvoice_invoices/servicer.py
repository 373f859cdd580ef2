"""gRPC <-> use cases, and who may call them."""

from datetime import date
from typing import Any

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.idempotency import Idempotency
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import AccessTable, allow

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.customer import CustomerInput
from whatsinvoice_invoices.domain.invoice import Invoice, Terms
from whatsinvoice_invoices.domain.totals import Discount, LineInput
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.messages import (
    STATUSES,
    customer_message,
    entry_message,
    invoice_message,
    receipt_message,
)
from whatsinvoice_invoices.service import customers
from whatsinvoice_invoices.service.documents import DocumentsService
from whatsinvoice_invoices.service.invoices import InvoicesService, NewInvoice, without_contact

READ = allow("notifications", scope="invoices:read")
WRITE = allow("notifications", scope="invoices:write")
ACCESS: AccessTable = {
    "CreateCustomer": WRITE,
    "GetCustomer": READ,
    "ListCustomers": READ,
    "CreateInvoice": WRITE,
    "GetInvoice": READ,
    "ListInvoices": READ,
    "DeleteInvoice": WRITE,
    "IssueInvoice": WRITE,
    "ListInvoiceEvents": READ,
    "GetPublicInvoice": allow("gateway"),
    "GetPublicReceipt": allow("gateway"),
    "GetPayable": allow("payments"),
    "GetDocument": allow("gateway", "notifications", scope="invoices:read"),
}
DEFAULT_LIMIT, MAX_LIMIT = 20, 100


class InvoicesServicer(invoices_pb2_grpc.InvoicesServiceServicer):
    """whatsinvoice.invoices.v1.InvoicesService."""

    def __init__(
        self,
        service: InvoicesService,
        documents: DocumentsService,
        unit_of_work: UnitOfWork,
        idempotency: Idempotency,
        links: Links,
    ) -> None:
        self._service = service
        self._documents = documents
        self._unit_of_work = unit_of_work
        self._idempotency = idempotency
        self._links = links

    async def CreateCustomer(self, request: pb.CreateCustomerRequest, context: Any) -> pb.CreateCustomerResponse:
        async def work(tx: Transaction) -> pb.CreateCustomerResponse:
            given = _customer_input(request.customer)
            customer = await customers.create_customer(tx, current_call().business_id, given)
            return pb.CreateCustomerResponse(customer=customer_message(customer))

        return await self._idempotency.once(request, pb.CreateCustomerResponse, work)

    async def GetCustomer(self, request: pb.GetCustomerRequest, context: Any) -> pb.GetCustomerResponse:
        async with self._unit_of_work.read() as tx:
            customer = await customers.get_customer(tx, current_call().business_id, request.customer_id)
        return pb.GetCustomerResponse(customer=customer_message(customer))

    async def ListCustomers(self, request: pb.ListCustomersRequest, context: Any) -> pb.ListCustomersResponse:
        limit = _limit(request.page)
        async with self._unit_of_work.read() as tx:
            found = await customers.list_customers(tx, current_call().business_id, request.page.cursor, limit)
        page = common_pb2.PageResponse(next_cursor=found[limit - 1].id if len(found) > limit else "")
        return pb.ListCustomersResponse(customers=[customer_message(c) for c in found[:limit]], page=page)

    async def CreateInvoice(self, request: pb.CreateInvoiceRequest, context: Any) -> pb.CreateInvoiceResponse:
        async def work(tx: Transaction) -> pb.CreateInvoiceResponse:
            business_id = current_call().business_id
            given = _new_invoice(request)
            found = await self._service.create_invoice(tx, business_id, given, issue=request.issue)
            return pb.CreateInvoiceResponse(invoice=self._dated(*found))

        return await self._idempotency.once(request, pb.CreateInvoiceResponse, work)

    async def GetInvoice(self, request: pb.GetInvoiceRequest, context: Any) -> pb.GetInvoiceResponse:
        async with self._unit_of_work.read() as tx:
            found = await self._service.get_invoice(tx, current_call().business_id, request.invoice_id)
        return pb.GetInvoiceResponse(invoice=self._dated(*found))

    async def ListInvoices(self, request: pb.ListInvoicesRequest, context: Any) -> pb.ListInvoicesResponse:
        limit = _limit(request.page)
        wanted = next((status for status, value in STATUSES.items() if value == request.status), None)
        business_id = current_call().business_id
        async with self._unit_of_work.read() as tx:
            found = await self._service.list_invoices(
                tx,
                business_id,
                cursor=request.page.cursor,
                limit=limit,
                status=wanted,
                customer_id=request.customer_id,
            )
            business = await customers.get_business(tx, business_id)
        page = common_pb2.PageResponse(next_cursor=found[limit - 1].id if len(found) > limit else "")
        today = business.day(now())
        messages = [invoice_message(invoice, self._links, today) for invoice in found[:limit]]
        return pb.ListInvoicesResponse(invoices=messages, page=page)

    async def DeleteInvoice(self, request: pb.DeleteInvoiceRequest, context: Any) -> pb.DeleteInvoiceResponse:
        async def work(tx: Transaction) -> pb.DeleteInvoiceResponse:
            await self._service.delete_invoice(tx, current_call().business_id, request.invoice_id)
            return pb.DeleteInvoiceResponse()

        return await self._idempotency.once(request, pb.DeleteInvoiceResponse, work)

    async def IssueInvoice(self, request: pb.IssueInvoiceRequest, context: Any) -> pb.IssueInvoiceResponse:
        async def work(tx: Transaction) -> pb.IssueInvoiceResponse:
            found = await self._service.issue_invoice(tx, current_call().business_id, request.invoice_id)
            return pb.IssueInvoiceResponse(invoice=self._dated(*found))

        return await self._idempotency.once(request, pb.IssueInvoiceResponse, work)

    async def ListInvoiceEvents(
        self, request: pb.ListInvoiceEventsRequest, context: Any
    ) -> pb.ListInvoiceEventsResponse:
        async with self._unit_of_work.read() as tx:
            entries = await self._service.get_timeline(tx, current_call().business_id, request.invoice_id)
        return pb.ListInvoiceEventsResponse(events=[entry_message(entry) for entry in entries])

    async def GetPublicInvoice(self, request: pb.GetPublicInvoiceRequest, context: Any) -> pb.GetPublicInvoiceResponse:
        async with self._unit_of_work.read() as tx:
            invoice, business = await self._service.by_link(tx, request.token)
            receipts = await self._service.receipts_of(tx, invoice)
        return pb.GetPublicInvoiceResponse(
            business_name=business.name,
            invoice=self._dated(without_contact(invoice), business),
            receipts=[receipt_message(receipt, self._links) for receipt in receipts],
        )

    async def GetPublicReceipt(self, request: pb.GetPublicReceiptRequest, context: Any) -> pb.GetPublicReceiptResponse:
        async with self._unit_of_work.read() as tx:
            receipt, invoice, business = await self._service.receipt_by_link(tx, request.token)
        return pb.GetPublicReceiptResponse(
            business_name=business.name,
            customer_name=invoice.customer.name,
            receipt=receipt_message(receipt, self._links),
        )

    async def GetPayable(self, request: pb.GetPayableRequest, context: Any) -> pb.GetPayableResponse:
        async with self._unit_of_work.read() as tx:
            invoice, _ = await self._service.by_link(tx, request.token)
        due = common_pb2.Money(currency_code=invoice.currency, amount_minor=invoice.amount_due_minor)
        return pb.GetPayableResponse(
            business_id=invoice.business_id,
            invoice_id=invoice.id,
            invoice_number=invoice.number,
            status=STATUSES[invoice.status],
            amount_due=due,
            customer_email=invoice.customer.email,
            public_url=self._links.invoice(invoice.token),
            traceparent=invoice.traceparent,
        )

    async def GetDocument(self, request: pb.GetDocumentRequest, context: Any) -> pb.GetDocumentResponse:
        service, kind = self._service, request.WhichOneof("document")
        async with self._unit_of_work.read() as tx:
            receipt = None
            if kind == "receipt_id":
                receipt, invoice, business = await service.receipt_by_id(
                    tx, current_call().business_id, request.receipt_id
                )
            elif kind == "receipt_token":
                receipt, invoice, business = await service.receipt_by_link(tx, request.receipt_token)
            elif kind == "invoice_token":
                invoice, business = await service.by_link(tx, request.invoice_token)
            elif kind == "invoice_id":
                invoice, business = await service.get_invoice(tx, current_call().business_id, request.invoice_id)
            else:
                raise invalid("document", "DOCUMENT_REQUIRED", "say which document")
        found = (
            await self._documents.of_receipt(receipt, invoice, business)
            if receipt is not None
            else await self._documents.of_invoice(invoice, business)
        )
        return pb.GetDocumentResponse(content=found.content, file_name=found.file_name, sha256=found.sha256)

    def _dated(self, invoice: Invoice, business: Business) -> pb.Invoice:
        return invoice_message(invoice, self._links, business.day(now()))


def _limit(page: common_pb2.PageRequest) -> int:
    if not 0 <= page.limit <= MAX_LIMIT:
        raise invalid("limit", "LIMIT_INVALID", f"a page has 1 to {MAX_LIMIT} rows")
    return page.limit or DEFAULT_LIMIT


def _customer_input(message: pb.CustomerInput) -> CustomerInput:
    return CustomerInput(message.name, message.phone, message.email)


def _discount(message: pb.Discount) -> Discount:
    return Discount(message.percent_bp, message.amount_minor)


def _day(field: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise invalid(field, "DATE_INVALID", "a date is YYYY-MM-DD") from None


def _new_invoice(request: pb.CreateInvoiceRequest) -> NewInvoice:
    return NewInvoice(
        customer_id=request.customer_id,
        customer=_customer_input(request.customer) if request.HasField("customer") else None,
        currency=request.currency_code,
        lines=[
            LineInput(
                line.description, line.quantity, line.unit_price_minor, _discount(line.discount), line.tax_rate_bp
            )
            for line in request.lines
        ],
        discount=_discount(request.discount),
        terms=Terms(_day("issue_date", request.issue_date), _day("due_date", request.due_date), request.terms_days),
        prices_include_tax=request.prices_include_tax,
        notes=request.notes,
        reference=request.reference,
    )
