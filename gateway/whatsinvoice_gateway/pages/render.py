"""Templates and what they are given; the policy header allows the page's own style and the way to the checkout."""

import base64
import hashlib
from datetime import UTC
from http import HTTPStatus

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.money import Money

from whatsinvoice_gateway.schemas.invoices import status_name

CONFIRMING_SECONDS = 3
"""How often a page that waits for the provider's word looks again."""


class Pages:
    """Renders the public pages."""

    def __init__(self, checkout_origins: str) -> None:
        loader = PackageLoader("whatsinvoice_gateway", "pages/templates")
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._templates.filters["money"] = lambda minor, currency: str(Money(minor, currency))
        self._style = self._source("style.css")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; "
            f"form-action 'self' {checkout_origins}; frame-ancestors 'none'; base-uri 'none'"
        )

    def _source(self, name: str) -> str:
        assert self._templates.loader is not None  # noqa: S101  (given above)
        return self._templates.loader.get_source(self._templates, name)[0].strip()

    def _page(self, name: str, code: HTTPStatus, headers: dict[str, str] | None = None, **values: object) -> Response:
        html = self._templates.get_template(name).render(style=self._style, **values)
        return HTMLResponse(html, code.value, {"Content-Security-Policy": self._policy, **(headers or {})})

    def invoice(
        self,
        found: pb.GetPublicInvoiceResponse,
        token: str,
        transfer: payments_pb2.GetTransferDetailsResponse | None,
        *,
        came_back: bool,
    ) -> Response:
        """The pay page; after the checkout, until the payment is confirmed, it looks again by itself.

        `transfer` tells how to pay by bank transfer, None when nobody knows now.
        """
        invoice = found.invoice
        payable = invoice.status in (pb.INVOICE_STATUS_OPEN, pb.INVOICE_STATUS_PARTIALLY_PAID)
        confirming = came_back and payable
        return self._page(
            "invoice.html",
            HTTPStatus.OK,
            headers={"Refresh": str(CONFIRMING_SECONDS)} if confirming else None,
            business=found.business_name,
            invoice=invoice,
            status=status_name(invoice.status),
            receipts=found.receipts,
            token=token,
            payable=payable,
            confirming=confirming,
            claimed=invoice.HasField("transfer_claim_time"),
            account=transfer.account if transfer and transfer.HasField("account") else None,
            reference=transfer.reference if transfer else "",
            pay_with_transfer=bool(transfer and transfer.pay_with_transfer),
        )

    def transfer(self, found: payments_pb2.StartTransferResponse, token: str) -> Response:
        """The account that takes just this amount for a while."""
        expires_at = found.expire_time.ToDatetime(UTC)
        return self._page(
            "transfer.html",
            HTTPStatus.OK,
            account=found.account,
            amount=found.amount,
            reference=found.reference,
            expires_at=expires_at,
            minutes=max(1, int((expires_at - now()).total_seconds() // 60)),
            token=token,
        )

    def receipt(self, found: pb.GetPublicReceiptResponse) -> Response:
        """The receipt of one payment."""
        return self._page(
            "receipt.html",
            HTTPStatus.OK,
            business=found.business_name,
            customer=found.customer_name,
            receipt=found.receipt,
            paid_at=found.receipt.paid_time.ToDatetime(),
        )

    def message(self, status: HTTPStatus, title: str, text: str, *, retry_after: int = 0) -> Response:
        """A page that only says something."""
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return self._page("message.html", status, headers, title=title, text=text)
