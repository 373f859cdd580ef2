"""gRPC <-> use cases, and who may call them."""

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
from whatsinvoice_invoices.domain.invoice import Invoice
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.messages import (
    STATUSES,
    customer_message,
    entry_message,
    fault_message,
    invoice_message,
    payable_message,
    receipt_message,
    recorded_message,
)
from whatsinvoice_invoices.requests import customer_input, new_invoice, page_limit
from whatsinvoice_invoices.service import audits, customers
from whatsinvoice_invoices.service.documents import DocumentsService
from whatsinvoice_invoices.service.evidence import Evidence
from whatsinvoice_invoices.service.invoices import InvoicesService, without_contact
from whatsinvoice_invoices.service.money import MoneyService

READ = allow(scope="invoices:read", through=("notifications",))
WRITE = allow(scope="invoices:write", through=("notifications",))
ACCESS: AccessTable = {
    "CreateCustomer": WRITE,
    "GetCustomer": READ,
    "ListCustomers": READ,
    "CreateInvoice": WRITE,
    "GetInvoice": READ,
    "ListInvoices": READ,
    "DeleteInvoice": WRITE,
    "IssueInvoice": WRITE,
    "VoidInvoice": WRITE,
    "ListInvoiceEvents": READ,
    "GetPublicInvoice": allow("gateway"),
    "GetPublicReceipt": allow("gateway"),
    "ClaimTransfer": allow("gateway"),
    "RejectTransfer": allow(scope="payments:write"),
    "GetPayable": allow("payments"),
    "ListRecordedPayments": allow("payments"),
    "AuditInvoices": allow("payments"),
    "GetEvidence": allow("payments"),
    "GetDocument": allow("gateway", "notifications", scope="invoices:read"),
}


class InvoicesServicer(invoices_pb2_grpc.InvoicesServiceServicer):
    """whatsinvoice.invoices.v1.InvoicesService."""

    def __init__(
        self,
        service: InvoicesService,
        money: MoneyService,
        documents: DocumentsService,
        unit_of_work: UnitOfWork,
        idempotency: Idempotency,
        links: Links,
    ) -> None:
        self._service = service
        self._money = money
        self._documents = documents
        self._unit_of_work = unit_of_work
        self._idempotency = idempotency
        self._links = links

    async def CreateCustomer(self, request: pb.CreateCustomerRequest, context: Any) -> pb.CreateCustomerResponse:
        async def work(tx: Transaction) -> pb.CreateCustomerResponse:
            given = customer_input(request.customer)
            customer = await customers.create_customer(tx, current_call().business_id, given)
            return pb.CreateCustomerResponse(customer=customer_message(customer))

        return await self._idempotency.once(request, pb.CreateCustomerResponse, work)

    async def GetCustomer(self, request: pb.GetCustomerRequest, context: Any) -> pb.GetCustomerResponse:
        async with self._unit_of_work.read() as tx:
            customer = await customers.get_customer(tx, current_call().business_id, request.customer_id)
        return pb.GetCustomerResponse(customer=customer_message(customer))

    async def ListCustomers(self, request: pb.ListCustomersRequest, context: Any) -> pb.ListCustomersResponse:
        limit = page_limit(request.page)
        async with self._unit_of_work.read() as tx:
            found = await customers.list_customers(tx, current_call().business_id, request.page.cursor, limit)
        page = common_pb2.PageResponse(next_cursor=found[limit - 1].id if len(found) > limit else "")
        return pb.ListCustomersResponse(customers=[customer_message(c) for c in found[:limit]], page=page)

    async def CreateInvoice(self, request: pb.CreateInvoiceRequest, context: Any) -> pb.CreateInvoiceResponse:
        async def work(tx: Transaction) -> pb.CreateInvoiceResponse:
            business_id = current_call().business_id
            given = new_invoice(request)
            found = await self._service.create_invoice(tx, business_id, given, issue=request.issue)
            return pb.CreateInvoiceResponse(invoice=self._dated(*found))

        return await self._idempotency.once(request, pb.CreateInvoiceResponse, work)

    async def GetInvoice(self, request: pb.GetInvoiceRequest, context: Any) -> pb.GetInvoiceResponse:
        async with self._unit_of_work.read() as tx:
            found = await self._service.get_invoice(tx, current_call().business_id, request.invoice_id)
        return pb.GetInvoiceResponse(invoice=self._dated(*found))

    async def ListInvoices(self, request: pb.ListInvoicesRequest, context: Any) -> pb.ListInvoicesResponse:
        limit = page_limit(request.page)
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

    async def VoidInvoice(self, request: pb.VoidInvoiceRequest, context: Any) -> pb.VoidInvoiceResponse:
        async def work(tx: Transaction) -> pb.VoidInvoiceResponse:
            found = await self._service.void_invoice(tx, current_call().business_id, request.invoice_id)
            return pb.VoidInvoiceResponse(invoice=self._dated(*found))

        return await self._idempotency.once(request, pb.VoidInvoiceResponse, work)

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
            time_zone=business.time_zone,
        )

    async def ClaimTransfer(self, request: pb.ClaimTransferRequest, context: Any) -> pb.ClaimTransferResponse:
        async with self._unit_of_work.begin() as tx:
            invoice, business = await self._money.claim_transfer(tx, request.token)
        return pb.ClaimTransferResponse(invoice=self._dated(without_contact(invoice), business))

    async def RejectTransfer(self, request: pb.RejectTransferRequest, context: Any) -> pb.RejectTransferResponse:
        async def work(tx: Transaction) -> pb.RejectTransferResponse:
            found = await self._money.reject_transfer(tx, current_call().business_id, request.invoice_id)
            return pb.RejectTransferResponse(invoice=self._dated(*found))

        return await self._idempotency.once(request, pb.RejectTransferResponse, work)

    async def GetPayable(self, request: pb.GetPayableRequest, context: Any) -> pb.GetPayableResponse:
        service = self._service
        async with self._unit_of_work.read() as tx:
            if request.customer_id:
                found = await service.invoice_to_pay(tx, current_call().business_id, request.customer_id)
            elif request.invoice_id:
                found = await service.get_invoice(tx, current_call().business_id, request.invoice_id)
            else:
                found = await service.by_link(tx, request.token)
            recorded = await service.recorded_payments(tx, found[0])
        return payable_message(*found, self._links, recorded)

    async def ListRecordedPayments(
        self, request: pb.ListRecordedPaymentsRequest, context: Any
    ) -> pb.ListRecordedPaymentsResponse:
        limit = page_limit(request.page)
        async with self._unit_of_work.across_businesses().read() as tx:
            found = await audits.list_recorded(tx, request.payment_ids, request.page.cursor, limit)
        page = common_pb2.PageResponse(next_cursor=found[-1].payment_id if len(found) == limit else "")
        return pb.ListRecordedPaymentsResponse(payments=map(recorded_message, found), page=page)

    async def AuditInvoices(self, request: pb.AuditInvoicesRequest, context: Any) -> pb.AuditInvoicesResponse:
        limit = page_limit(request.page)
        async with self._unit_of_work.across_businesses().read() as tx:
            ids, breaches = await audits.check_invoices(tx, request.page.cursor, limit)
        page = common_pb2.PageResponse(next_cursor=ids[-1] if len(ids) == limit else "")
        return pb.AuditInvoicesResponse(checked=len(ids), faults=map(fault_message, breaches), page=page)

    async def GetEvidence(self, request: pb.GetEvidenceRequest, context: Any) -> pb.GetEvidenceResponse:
        business_id = current_call().business_id
        async with self._unit_of_work.read() as tx:
            invoice, business = await self._service.get_invoice(tx, business_id, request.invoice_id)
            receipts = await self._service.receipts_of(tx, invoice)
            timeline = await self._service.get_timeline(tx, business_id, invoice.id)
        evidence = Evidence(invoice, business, receipts, timeline, dict(request.facts), request.payment_id)
        found = await self._documents.of_evidence(evidence)
        return pb.GetEvidenceResponse(content=found.content, file_name=found.file_name)

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
        public = kind in ("invoice_token", "receipt_token")
        found = (
            await self._documents.of_receipt(receipt, invoice, business, public=public)
            if receipt is not None
            else await self._documents.of_invoice(invoice, business, public=public)
        )
        return pb.GetDocumentResponse(content=found.content, file_name=found.file_name, sha256=found.sha256)

    def _dated(self, invoice: Invoice, business: Business) -> pb.Invoice:
        return invoice_message(invoice, self._links, business.day(now()), warn=True)
