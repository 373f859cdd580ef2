"""Customers of the caller's business."""

from fastapi import APIRouter
from starlette.responses import Response
from whatsinvoice.invoices.v1 import invoices_pb2 as pb

from whatsinvoice_gateway.edge.idempotency import idempotent
from whatsinvoice_gateway.edge.tokens import signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.base import Page, answer, problems
from whatsinvoice_gateway.schemas.customers import CustomerIn, CustomerOut

routes = APIRouter(prefix="/v1/customers", tags=["customers"], dependencies=[signed_in])


@routes.post(
    "", status_code=201, response_model=CustomerOut, responses=problems(401, 403, 409, 422), dependencies=[idempotent]
)
async def create_customer(body: CustomerIn, services: ServicesDep) -> Response:
    request = pb.CreateCustomerRequest(customer=body.message())
    found = await services.as_user("invoices", services.invoices.CreateCustomer, request)
    return answer(CustomerOut.of(found.customer), 201, etag=f'"{found.customer.version}"')


@routes.get("", response_model=Page[CustomerOut], responses=problems(401, 403, 422, 503))
async def list_customers(page: PageDep, services: ServicesDep) -> Response:
    found = await services.as_user("invoices", services.invoices.ListCustomers, pb.ListCustomersRequest(page=page))
    data = [CustomerOut.of(customer) for customer in found.customers]
    return answer(Page[CustomerOut](data=data, next_cursor=found.page.next_cursor or None))


@routes.get("/{customer_id}", response_model=CustomerOut, responses=problems(401, 403, 404, 503))
async def get_customer(customer_id: str, services: ServicesDep) -> Response:
    request = pb.GetCustomerRequest(customer_id=customer_id)
    found = await services.as_user("invoices", services.invoices.GetCustomer, request)
    return answer(CustomerOut.of(found.customer), etag=f'"{found.customer.version}"')
