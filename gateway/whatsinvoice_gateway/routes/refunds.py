"""Money back to payers: refunds that the merchant gives and disputes that their banks open."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response
from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.edge.idempotency import idempotency_required
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.base import PDF, Page, answer, problems
from whatsinvoice_gateway.schemas.refunds import ContestIn, DisputeOut, RefundIn, RefundOut, RefundRetryIn

routes = APIRouter(prefix="/v1", tags=["payments"], dependencies=[signed_in])
PROVIDER = problems(400, 401, 403, 404, 409, 422, 503)


@routes.post(
    "/payments/{payment_id}/refunds",
    status_code=201,
    response_model=RefundOut,
    responses=PROVIDER,
    dependencies=[idempotency_required],
)
async def create_refund(payment_id: str, services: ServicesDep, body: RefundIn | None = None) -> Response:
    wanted = body or RefundIn()
    request = pb.CreateRefundRequest(
        payment_id=payment_id, amount_minor=wanted.amount_minor or 0, reason=wanted.reason, reopen=wanted.reopen
    )
    found = await services.as_user("payments", services.payments.CreateRefund, request)
    return answer(RefundOut.of(found.refund), 201)


@routes.get("/refunds", response_model=Page[RefundOut], responses=problems(401, 403, 422, 503))
async def list_refunds(
    page: PageDep, services: ServicesDep, payment_id: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    request = pb.ListRefundsRequest(page=page, payment_id=payment_id)
    found = await services.as_user("payments", services.payments.ListRefunds, request)
    data = [RefundOut.of(refund) for refund in found.refunds]
    return answer(Page[RefundOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/refunds/{refund_id}", response_model=RefundOut, responses=problems(401, 403, 404, 503))
async def get_refund(refund_id: str, services: ServicesDep) -> Response:
    request = pb.GetRefundRequest(refund_id=refund_id)
    return answer(RefundOut.of((await services.as_user("payments", services.payments.GetRefund, request)).refund))


@routes.post(
    "/refunds/{refund_id}/retry", response_model=RefundOut, responses=PROVIDER, dependencies=[idempotency_required]
)
async def retry_refund(refund_id: str, body: RefundRetryIn, services: ServicesDep) -> Response:
    request = pb.RetryRefundRequest(refund_id=refund_id, bank_code=body.bank_code, account_number=body.account_number)
    return answer(RefundOut.of((await services.as_user("payments", services.payments.RetryRefund, request)).refund))


@routes.get("/disputes", response_model=Page[DisputeOut], responses=problems(401, 403, 422, 503))
async def list_disputes(page: PageDep, services: ServicesDep) -> Response:
    found = await services.as_user("payments", services.payments.ListDisputes, pb.ListDisputesRequest(page=page))
    data = [DisputeOut.of(dispute) for dispute in found.disputes]
    return answer(Page[DisputeOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/disputes/{dispute_id}", response_model=DisputeOut, responses=problems(401, 403, 404, 503))
async def get_dispute(dispute_id: str, services: ServicesDep) -> Response:
    request = pb.GetDisputeRequest(dispute_id=dispute_id)
    return answer(DisputeOut.of((await services.as_user("payments", services.payments.GetDispute, request)).dispute))


@routes.post(
    "/disputes/{dispute_id}/accept", response_model=DisputeOut, responses=PROVIDER, dependencies=[idempotency_required]
)
async def accept_dispute(dispute_id: str, services: ServicesDep) -> Response:
    request = pb.AcceptDisputeRequest(dispute_id=dispute_id)
    return answer(DisputeOut.of((await services.as_user("payments", services.payments.AcceptDispute, request)).dispute))


@routes.post(
    "/disputes/{dispute_id}/contest", response_model=DisputeOut, responses=PROVIDER, dependencies=[idempotency_required]
)
async def contest_dispute(dispute_id: str, body: ContestIn, services: ServicesDep) -> Response:
    request = pb.ContestDisputeRequest(dispute_id=dispute_id, message=body.message)
    found = await services.as_user("payments", services.payments.ContestDispute, request)
    return answer(DisputeOut.of(found.dispute))


@routes.get(
    "/disputes/{dispute_id}/evidence",
    response_class=Response,
    responses={200: PDF, **problems(401, 403, 404, 503)},
)
async def get_dispute_evidence(dispute_id: str, services: ServicesDep) -> Response:
    request = pb.GetDisputeEvidenceRequest(dispute_id=dispute_id)
    found = await services.as_user("payments", services.payments.GetDisputeEvidence, request)
    headers = {"Content-Disposition": f'inline; filename="{found.file_name}"'}
    return Response(found.content, 200, headers, "application/pdf")
