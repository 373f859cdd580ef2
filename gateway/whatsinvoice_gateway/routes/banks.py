"""Banks, the account that the merchant's money goes to, and accounts of customers' own to pay into."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response
from whatsinvoice.payments.v1 import payments_pb2 as pb

from whatsinvoice_gateway.edge.idempotency import idempotent
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import ServicesDep
from whatsinvoice_gateway.schemas.banks import BankAccountOut, BanksOut, PayoutAccountIn, PayoutAccountOut
from whatsinvoice_gateway.schemas.base import Currency, answer, problems

routes = APIRouter(prefix="/v1", tags=["business"], dependencies=[signed_in])


@routes.get("/banks", response_model=BanksOut, responses=problems(401, 403, 422, 503))
async def list_banks(services: ServicesDep, currency: Annotated[Currency | None, Query()] = None) -> Response:
    request = pb.ListBanksRequest(currency_code=currency or "")
    return answer(BanksOut.of(await services.as_user("payments", services.payments.ListBanks, request)))


@routes.get("/business/payout-account", response_model=PayoutAccountOut, responses=problems(401, 403, 404, 503))
async def get_payout_account(services: ServicesDep) -> Response:
    request = pb.GetPayoutAccountRequest()
    return answer(PayoutAccountOut.of(await services.as_user("payments", services.payments.GetPayoutAccount, request)))


@routes.put("/business/payout-account", response_model=PayoutAccountOut, responses=problems(400, 401, 403, 422, 503))
async def set_payout_account(body: PayoutAccountIn, services: ServicesDep) -> Response:
    request = pb.SetPayoutAccountRequest(bank_code=body.bank_code, account_number=body.account_number)
    return answer(PayoutAccountOut.of(await services.as_user("payments", services.payments.SetPayoutAccount, request)))


@routes.post(
    "/customers/{customer_id}/virtual-account",
    response_model=BankAccountOut,
    responses=problems(400, 401, 403, 404, 409, 503),
    dependencies=[idempotent],
)
async def create_virtual_account(customer_id: str, services: ServicesDep) -> Response:
    request = pb.CreateVirtualAccountRequest(customer_id=customer_id)
    found = await services.as_user("payments", services.payments.CreateVirtualAccount, request)
    return answer(BankAccountOut.of(found.account))
