"""Invoices of the caller's business."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.notifications.v1 import notifications_pb2
from whatsinvoice.payments.v1 import payments_pb2

from whatsinvoice_gateway.edge.idempotency import idempotency_required, idempotent, require_key
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.base import PDF, Page, answer, problems
from whatsinvoice_gateway.schemas.invoices import (
    InvoiceEventOut,
    InvoiceEventsOut,
    InvoiceIn,
    InvoiceOut,
    StatusName,
)
from whatsinvoice_gateway.schemas.messages import MessageOut
from whatsinvoice_gateway.schemas.payments import PaymentOut

routes = APIRouter(prefix="/v1/invoices", tags=["invoices"], dependencies=[signed_in])


def invoice_answer(message: pb.Invoice, status: int = 200) -> Response:
    """An invoice with its version as the ETag."""
    return answer(InvoiceOut.of(message), status, etag=f'"{message.version}"')


@routes.post(
    "",
    status_code=201,
    response_model=InvoiceOut,
    responses=problems(400, 401, 403, 404, 409, 422, 503),
    dependencies=[idempotent],
)
async def create_invoice(body: InvoiceIn, services: ServicesDep) -> Response:
    """A draft, or with `issue` an invoice at once: that one goes to the customer, so it needs an Idempotency-Key."""
    if body.issue:
        require_key()
    found = await services.as_user("invoices", services.invoices.CreateInvoice, body.message())
    return invoice_answer(found.invoice, 201)


@routes.get("", response_model=Page[InvoiceOut], responses=problems(401, 403, 422, 503))
async def list_invoices(
    page: PageDep,
    services: ServicesDep,
    status: Annotated[StatusName | None, Query()] = None,
    customer_id: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    value = pb.InvoiceStatus.Value(f"INVOICE_STATUS_{status.upper()}") if status else pb.INVOICE_STATUS_UNSPECIFIED
    request = pb.ListInvoicesRequest(page=page, status=value, customer_id=customer_id)
    found = await services.as_user("invoices", services.invoices.ListInvoices, request)
    data = [InvoiceOut.of(invoice) for invoice in found.invoices]
    return answer(Page[InvoiceOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/{invoice_id}", response_model=InvoiceOut, responses=problems(401, 403, 404, 503))
async def get_invoice(invoice_id: str, services: ServicesDep) -> Response:
    request = pb.GetInvoiceRequest(invoice_id=invoice_id)
    return invoice_answer((await services.as_user("invoices", services.invoices.GetInvoice, request)).invoice)


@routes.delete("/{invoice_id}", status_code=204, responses=problems(401, 403, 404, 409, 503))
async def delete_invoice(invoice_id: str, services: ServicesDep) -> Response:
    request = pb.DeleteInvoiceRequest(invoice_id=invoice_id)
    await services.as_user("invoices", services.invoices.DeleteInvoice, request)
    return Response(status_code=204)


@routes.post(
    "/{invoice_id}/issue",
    response_model=InvoiceOut,
    responses=problems(400, 401, 403, 404, 409, 422, 503),
    dependencies=[idempotency_required],
)
async def issue_invoice(invoice_id: str, services: ServicesDep) -> Response:
    request = pb.IssueInvoiceRequest(invoice_id=invoice_id)
    return invoice_answer((await services.as_user("invoices", services.invoices.IssueInvoice, request)).invoice)


@routes.get(
    "/{invoice_id}/pdf",
    response_class=Response,
    responses={200: PDF, **problems(401, 403, 404, 409, 503)},
)
async def get_invoice_pdf(invoice_id: str, services: ServicesDep) -> Response:
    request = pb.GetDocumentRequest(invoice_id=invoice_id)
    found = await services.as_user("invoices", services.invoices.GetDocument, request)
    return pdf(found)


def pdf(found: pb.GetDocumentResponse) -> Response:
    """A document as a file that the browser shows."""
    headers = {
        "Content-Disposition": f'inline; filename="{found.file_name}"',
        "ETag": f'"{found.sha256}"',
    }
    return Response(found.content, 200, headers, "application/pdf")


@routes.get("/{invoice_id}/events", response_model=InvoiceEventsOut, responses=problems(401, 403, 404, 503))
async def list_invoice_events(invoice_id: str, services: ServicesDep) -> Response:
    request = pb.ListInvoiceEventsRequest(invoice_id=invoice_id)
    found = await services.as_user("invoices", services.invoices.ListInvoiceEvents, request)
    return answer(InvoiceEventsOut(data=[InvoiceEventOut.of(event) for event in found.events]))


@routes.get("/{invoice_id}/payments", response_model=Page[PaymentOut], responses=problems(401, 403, 404, 422, 503))
async def list_invoice_payments(invoice_id: str, page: PageDep, services: ServicesDep) -> Response:
    await services.as_user("invoices", services.invoices.GetInvoice, pb.GetInvoiceRequest(invoice_id=invoice_id))
    request = payments_pb2.ListPaymentsRequest(page=page, invoice_id=invoice_id)
    found = await services.as_user("payments", services.payments.ListPayments, request)
    data = [PaymentOut.of(payment) for payment in found.payments]
    return answer(Page[PaymentOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/{invoice_id}/messages", response_model=Page[MessageOut], responses=problems(401, 403, 404, 422, 503))
async def list_invoice_messages(invoice_id: str, page: PageDep, services: ServicesDep) -> Response:
    await services.as_user("invoices", services.invoices.GetInvoice, pb.GetInvoiceRequest(invoice_id=invoice_id))
    request = notifications_pb2.ListMessagesRequest(page=page, invoice_id=invoice_id)
    found = await services.as_user("notifications", services.notifications.ListMessages, request)
    data = [MessageOut.of(message) for message in found.messages]
    return answer(Page[MessageOut](data=data, next_cursor=found.page.next_cursor or None))
