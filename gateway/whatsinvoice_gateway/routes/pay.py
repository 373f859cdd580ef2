"""What anyone who holds a link may open: the pay page, its PDF, the way to the checkout, the receipt."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_kit.core.errors import Kind, ServiceError, not_found

from whatsinvoice_gateway.clients import Services
from whatsinvoice_gateway.edge.quotas import Quotas
from whatsinvoice_gateway.pages.render import Pages
from whatsinvoice_gateway.pages.states import Return
from whatsinvoice_gateway.routes.access import ServicesDep
from whatsinvoice_gateway.routes.invoices import pdf
from whatsinvoice_gateway.schemas.base import PDF, problems

routes = APIRouter(tags=["public"])

log = structlog.get_logger(__name__)

DETAILS_SECONDS = 1.5
"""How long the pay page waits for what it can do without."""
OUTCOME_SECONDS = 6.0
"""How long it waits where payments has to ask the provider about an attempt."""
REFUSALS = {
    "PAYMENT_UNDER_REVIEW": (
        "Your payment is being checked",
        "We have a payment for this invoice, and it is being checked. Please do not pay again.",
    ),
    "AMOUNT_BELOW_MINIMUM": (
        "Too little to pay online",
        "What is due is less than can be paid online. Please ask the business for its bank account, or pay in cash.",
    ),
}
HTML: dict[str, Any] = {"description": "A page", "content": {"text/html": {}}}


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def _quotas(request: Request) -> Quotas:
    quotas: Quotas = request.app.state.quotas
    return quotas


def _sorry(request: Request, error: ServiceError) -> Response:
    """An error as a page: people open these links, not programs."""
    if error.kind in (Kind.NOT_FOUND, Kind.INVALID_ARGUMENT):  # a token that no link of ours has
        return _pages(request).message(
            HTTPStatus.NOT_FOUND, "Nothing here", "This link leads nowhere. Ask who sent it for a new one."
        )
    if error.kind is Kind.RESOURCE_EXHAUSTED:
        wait = "This was asked for very often. Please wait a minute and try again."
        return _pages(request).message(HTTPStatus.TOO_MANY_REQUESTS, "Too often", wait, retry_after=error.retry_after)
    if error.kind is Kind.FAILED_PRECONDITION:
        title, text = REFUSALS.get(error.reason, ("Nothing to pay", "This invoice cannot be paid now."))
        return _pages(request).message(HTTPStatus.CONFLICT, title, text)
    return _pages(request).message(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "One moment",
        "We cannot reach the payment service now. Nothing was charged; please try again shortly.",
        retry_after=max(1, error.retry_after),
    )


@routes.get("/i/{token}", response_class=HTMLResponse, responses={404: HTML, 503: HTML})
async def pay_page(
    request: Request,
    token: str,
    services: ServicesDep,
    reference: Annotated[str, Query(description="Of the attempt that the payer comes from")] = "",
    look: Annotated[str, Query(description="How often the page has looked again by itself")] = "",
) -> Response:
    message = pb.GetPublicInvoiceRequest(token=token)
    back = Return.of(reference, look)
    try:
        found, options = await asyncio.gather(
            services.as_gateway("invoices", services.invoices.GetPublicInvoice, message),
            _payment_options(services, token, back.reference),
        )
    except ServiceError as error:
        return _sorry(request, error)
    return _pages(request).invoice(found, token, options, back)


async def _payment_options(
    services: Services, token: str, reference: str
) -> payments_pb2.GetPaymentOptionsResponse | None:
    """Return the ways to pay; None while payments is away: the page shows all else without it."""
    message = payments_pb2.GetPaymentOptionsRequest(token=token, reference=reference)
    seconds = OUTCOME_SECONDS if reference else DETAILS_SECONDS
    try:
        options: payments_pb2.GetPaymentOptionsResponse = await services.as_gateway(
            "payments", services.payments.GetPaymentOptions, message, seconds=seconds
        )
    except ServiceError as error:
        if error.kind is not Kind.NOT_FOUND:  # then the page says so itself
            log.warning("pay page without payment options", reason=error.reason)
        return None
    return options


@routes.get("/i/{token}/pdf", response_class=Response, responses={200: PDF, **problems(404, 503)})
async def get_public_pdf(token: str, services: ServicesDep) -> Response:
    return await _document(services, pb.GetDocumentRequest(invoice_token=token))


@routes.post(
    "/i/{token}/pay",
    status_code=303,
    response_class=RedirectResponse,
    responses={404: HTML, 409: HTML, 429: HTML, 503: HTML},
)
async def pay(request: Request, token: str, services: ServicesDep) -> Response:
    try:
        await _quotas(request).count_link(token)
        message = payments_pb2.StartCheckoutRequest(token=token)
        found = await services.as_gateway("payments", services.payments.StartCheckout, message)
    except ServiceError as error:
        return _sorry(request, error)
    return RedirectResponse(found.authorization_url, HTTPStatus.SEE_OTHER)


@routes.post("/i/{token}/transfer", response_class=HTMLResponse, responses={404: HTML, 409: HTML, 429: HTML, 503: HTML})
async def pay_by_transfer(request: Request, token: str, services: ServicesDep) -> Response:
    try:
        await _quotas(request).count_link(token)
        message = payments_pb2.StartTransferRequest(token=token)
        found = await services.as_gateway("payments", services.payments.StartTransfer, message)
    except ServiceError as error:
        return _sorry(request, error)
    return _pages(request).transfer(found, token)


@routes.post(
    "/i/{token}/transfer-sent",
    status_code=303,
    response_class=RedirectResponse,
    responses={404: HTML, 409: HTML, 429: HTML, 503: HTML},
)
async def claim_transfer(request: Request, token: str, services: ServicesDep) -> Response:
    try:
        await _quotas(request).count_link(token)
        message = pb.ClaimTransferRequest(token=token)
        await services.as_gateway("invoices", services.invoices.ClaimTransfer, message)
    except ServiceError as error:
        return _sorry(request, error)
    return RedirectResponse(f"/i/{quote(token, safe='')}", HTTPStatus.SEE_OTHER)


@routes.get("/r/{token}", response_class=HTMLResponse, responses={404: HTML, 503: HTML})
async def receipt_page(request: Request, token: str, services: ServicesDep) -> Response:
    try:
        message = pb.GetPublicReceiptRequest(token=token)
        found = await services.as_gateway("invoices", services.invoices.GetPublicReceipt, message)
    except ServiceError as error:
        return _sorry(request, error)
    return _pages(request).receipt(found)


@routes.get("/r/{token}/pdf", response_class=Response, responses={200: PDF, **problems(404, 503)})
async def get_receipt_pdf(token: str, services: ServicesDep) -> Response:
    return await _document(services, pb.GetDocumentRequest(receipt_token=token))


async def _document(services: Services, message: pb.GetDocumentRequest) -> Response:
    """Return the PDF behind a link; NOT_FOUND (LINK_NOT_FOUND) also for a token that no link has the form of."""
    try:
        return pdf(await services.as_gateway("invoices", services.invoices.GetDocument, message))
    except ServiceError as error:
        if error.kind is Kind.INVALID_ARGUMENT:
            raise not_found("LINK_NOT_FOUND", "there is nothing at this link") from error
        raise
