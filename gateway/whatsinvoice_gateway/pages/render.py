"""Templates and what they are given; the policy header allows the page's own style and the way to the checkout."""

import base64
import hashlib
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.money import Money

from whatsinvoice_gateway.pages.states import Return, state_of
from whatsinvoice_gateway.schemas.invoices import status_name

LOOK_SECONDS = 3
"""How often a page that waits for the provider's answer looks again."""


NO_RETURN = Return()


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
        options: payments_pb2.GetPaymentOptionsResponse | None,
        back: Return = NO_RETURN,
    ) -> Response:
        """Render the pay page. `options` are the ways to pay, None while payments is away; `back` is the return."""
        invoice = found.invoice
        state = state_of(invoice.status, options, back, [receipt.reference for receipt in found.receipts])
        again = f"/i/{quote(token, safe='')}?reference={quote(back.reference, safe='')}"
        refresh = f"{LOOK_SECONDS}; url={again}&look={back.looks + 1}"
        ways = options or payments_pb2.GetPaymentOptionsResponse(pay_online=True)
        return self._page(
            "invoice.html",
            HTTPStatus.OK,
            headers={"Refresh": refresh} if state.waiting else None,
            business=found.business_name,
            invoice=invoice,
            status=status_name(invoice.status),
            receipts=found.receipts,
            token=token,
            again=again,
            notice=state.notice.value,
            reason=ways.outcome_reason,
            offers=state.offers,
            claimed=invoice.HasField("transfer_claim_time"),
            ways=ways,
            account=ways.account if ways.HasField("account") else None,
            minimum=ways.minimum if ways.HasField("minimum") else None,
            open_transfers=[
                (transfer, _minutes_left(transfer.expire_time.ToDatetime(UTC))) for transfer in ways.open_transfers
            ],
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
            minutes=_minutes_left(expires_at),
            token=token,
        )

    def receipt(self, found: pb.GetPublicReceiptResponse) -> Response:
        """Render the receipt of one payment, with the day of the business's zone."""
        zone = ZoneInfo(found.time_zone or "UTC")
        return self._page(
            "receipt.html",
            HTTPStatus.OK,
            business=found.business_name,
            customer=found.customer_name,
            receipt=found.receipt,
            paid_at=found.receipt.paid_time.ToDatetime(UTC).astimezone(zone),
        )

    def message(self, status: HTTPStatus, title: str, text: str, *, retry_after: int = 0) -> Response:
        """A page that only says something."""
        headers = {"Retry-After": str(retry_after)} if retry_after else None
        return self._page("message.html", status, headers, title=title, text=text)


def _minutes_left(until: datetime) -> int:
    return max(1, int((until - now()).total_seconds() // 60))
