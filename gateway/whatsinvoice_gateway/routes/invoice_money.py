"""What a merchant does about an invoice's money: record it, confirm or reject a transfer, void the invoice."""

from fastapi import APIRouter
from starlette.responses import Response
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.edge.idempotency import idempotency_required
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import ServicesDep
from whatsinvoice_gateway.routes.invoices import invoice_answer
from whatsinvoice_gateway.schemas.base import answer, problems
from whatsinvoice_gateway.schemas.invoices import InvoiceOut
from whatsinvoice_gateway.schemas.payments import PaymentIn, PaymentOut, TransferIn

routes = APIRouter(prefix="/v1/invoices", tags=["invoices"], dependencies=[signed_in])
REFUSED = problems(400, 401, 403, 404, 409, 422, 503)


@routes.post("/{invoice_id}/void", response_model=InvoiceOut, responses=REFUSED, dependencies=[idempotency_required])
async def void_invoice(invoice_id: str, services: ServicesDep) -> Response:
    request = invoices_pb2.VoidInvoiceRequest(invoice_id=invoice_id)
    return invoice_answer((await services.as_user("invoices", services.invoices.VoidInvoice, request)).invoice)


@routes.post(
    "/{invoice_id}/payments",
    status_code=201,
    response_model=PaymentOut,
    responses=REFUSED,
    dependencies=[idempotency_required],
)
async def record_payment(invoice_id: str, body: PaymentIn, services: ServicesDep) -> Response:
    request = body.message(invoice_id)
    found = await services.as_user("payments", services.payments.RecordPayment, request)
    return answer(PaymentOut.of(found.payment), 201)


@routes.post(
    "/{invoice_id}/confirm-transfer",
    response_model=PaymentOut,
    responses=REFUSED,
    dependencies=[idempotency_required],
)
async def confirm_transfer(invoice_id: str, services: ServicesDep, body: TransferIn | None = None) -> Response:
    """Record the transfer that has arrived: all that is due, unless the body names the amount."""
    given = body or TransferIn()
    request = pb.RecordPaymentRequest(
        invoice_id=invoice_id, amount_minor=given.amount_minor or 0, method="bank_transfer", as_credit=given.as_credit
    )
    found = await services.as_user("payments", services.payments.RecordPayment, request)
    return answer(PaymentOut.of(found.payment))


@routes.post(
    "/{invoice_id}/reject-transfer", response_model=InvoiceOut, responses=REFUSED, dependencies=[idempotency_required]
)
async def reject_transfer(invoice_id: str, services: ServicesDep) -> Response:
    request = invoices_pb2.RejectTransferRequest(invoice_id=invoice_id)
    return invoice_answer((await services.as_user("invoices", services.invoices.RejectTransfer, request)).invoice)
