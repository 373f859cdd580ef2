"""Payments, balance and ledger of the caller's business."""

from fastapi import APIRouter
from starlette.responses import Response
from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.base import Page, answer, problems
from whatsinvoice_gateway.schemas.payments import BalanceOut, LedgerEntryOut, PaymentOut

routes = APIRouter(prefix="/v1", tags=["payments"], dependencies=[signed_in])


@routes.get("/payments", response_model=Page[PaymentOut], responses=problems(401, 403, 422, 503))
async def list_payments(page: PageDep, services: ServicesDep) -> Response:
    found = await services.as_user("payments", services.payments.ListPayments, pb.ListPaymentsRequest(page=page))
    data = [PaymentOut.of(payment) for payment in found.payments]
    return answer(Page[PaymentOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/payments/{payment_id}", response_model=PaymentOut, responses=problems(401, 403, 404, 503))
async def get_payment(payment_id: str, services: ServicesDep) -> Response:
    request = pb.GetPaymentRequest(payment_id=payment_id)
    found = await services.as_user("payments", services.payments.GetPayment, request)
    return answer(PaymentOut.of(found.payment))


@routes.get("/balance", response_model=BalanceOut, responses=problems(401, 403, 503))
async def get_balance(services: ServicesDep) -> Response:
    found = await services.as_user("payments", services.payments.GetBalance, pb.GetBalanceRequest())
    return answer(BalanceOut.of(found))


@routes.get("/ledger/entries", response_model=Page[LedgerEntryOut], responses=problems(401, 403, 422, 503))
async def list_ledger_entries(page: PageDep, services: ServicesDep) -> Response:
    request = pb.ListLedgerEntriesRequest(page=page)
    found = await services.as_user("payments", services.payments.ListLedgerEntries, request)
    data = [LedgerEntryOut.of(entry) for entry in found.entries]
    return answer(Page[LedgerEntryOut](data=data, next_cursor=found.page.next_cursor or None))
