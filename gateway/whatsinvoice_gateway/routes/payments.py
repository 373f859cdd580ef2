"""Payments, balance and ledger of the caller's business."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response
from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.edge.idempotency import idempotency_required
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.base import Currency, Moment, Page, answer, problems, stamp
from whatsinvoice_gateway.schemas.payments import (
    AccountName,
    BalanceOut,
    LedgerEntryOut,
    PaymentOut,
    PaymentStatusName,
    StatementOut,
    UndoIn,
)

routes = APIRouter(prefix="/v1", tags=["payments"], dependencies=[signed_in])


@routes.get("/payments", response_model=Page[PaymentOut], responses=problems(401, 403, 422, 503))
async def list_payments(
    page: PageDep, services: ServicesDep, status: Annotated[PaymentStatusName | None, Query()] = None
) -> Response:
    value = pb.PaymentStatus.Value(f"PAYMENT_STATUS_{status.upper()}") if status else pb.PAYMENT_STATUS_UNSPECIFIED
    request = pb.ListPaymentsRequest(page=page, status=value)
    found = await services.as_user("payments", services.payments.ListPayments, request)
    data = [PaymentOut.of(payment) for payment in found.payments]
    return answer(Page[PaymentOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/payments/{payment_id}", response_model=PaymentOut, responses=problems(401, 403, 404, 503))
async def get_payment(payment_id: str, services: ServicesDep) -> Response:
    request = pb.GetPaymentRequest(payment_id=payment_id)
    found = await services.as_user("payments", services.payments.GetPayment, request)
    return answer(PaymentOut.of(found.payment))


@routes.post(
    "/payments/{payment_id}/release",
    response_model=PaymentOut,
    responses=problems(400, 401, 403, 404, 409, 422, 503),
    dependencies=[idempotency_required],
)
async def release_payment(payment_id: str, services: ServicesDep) -> Response:
    """Applies a quarantined payment after all, as the provider has it now; again changes nothing."""
    request = pb.ReleasePaymentRequest(payment_id=payment_id)
    found = await services.as_user("payments", services.payments.ReleasePayment, request)
    return answer(PaymentOut.of(found.payment))


@routes.post(
    "/payments/{payment_id}/undo",
    response_model=PaymentOut,
    responses=problems(400, 401, 403, 404, 409, 422, 503),
    dependencies=[idempotency_required],
)
async def undo_payment(payment_id: str, body: UndoIn, services: ServicesDep) -> Response:
    """Take back a payment that was entered by hand; its invoice is due again. The provider's payments are refunded."""
    request = pb.UndoPaymentRequest(payment_id=payment_id, reason=body.reason)
    found = await services.as_user("payments", services.payments.UndoPayment, request)
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


@routes.get("/ledger/statement", response_model=StatementOut, responses=problems(401, 403, 422, 503))
async def get_statement(
    page: PageDep,
    services: ServicesDep,
    account: Annotated[AccountName | None, Query(description="All of them unless told")] = None,
    currency: Annotated[Currency | None, Query()] = None,
    since: Annotated[Moment | None, Query(alias="from", description="From this moment on")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Before this moment")] = None,
) -> Response:
    request = pb.GetStatementRequest(
        account=account or "",
        currency_code=currency or "",
        from_time=stamp(since),
        to_time=stamp(until),
        page=page,
    )
    return answer(StatementOut.of(await services.as_user("payments", services.payments.GetStatement, request)))
