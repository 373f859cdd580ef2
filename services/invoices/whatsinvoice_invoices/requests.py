"""Proto requests as the use cases take them."""

from datetime import date

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice_kit.core.errors import invalid

from whatsinvoice_invoices.domain.customer import CustomerInput
from whatsinvoice_invoices.domain.invoice import Terms
from whatsinvoice_invoices.domain.totals import Discount, LineInput
from whatsinvoice_invoices.service.invoices import NewInvoice

EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)
"""Days of invoices; a year of terms after the last one is still a date."""
DEFAULT_LIMIT, MAX_LIMIT = 20, 100


def page_limit(page: common_pb2.PageRequest) -> int:
    """Between 1 and 100, 20 unless said; INVALID_ARGUMENT (LIMIT_INVALID) otherwise."""
    if not 0 <= page.limit <= MAX_LIMIT:
        raise invalid("limit", "LIMIT_INVALID", f"a page has 1 to {MAX_LIMIT} rows")
    return page.limit or DEFAULT_LIMIT


def customer_input(message: pb.CustomerInput) -> CustomerInput:
    return CustomerInput(message.name, message.phone, message.email)


def _discount(message: pb.Discount) -> Discount:
    return Discount(message.percent_bp, message.amount_minor)


def _day(field: str, text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise invalid(field, "DATE_INVALID", "a date is YYYY-MM-DD") from None
    if day is not None and not EARLIEST <= day <= LATEST:
        raise invalid(field, "DATE_INVALID", f"a date is between {EARLIEST} and {LATEST}")
    return day


def new_invoice(request: pb.CreateInvoiceRequest) -> NewInvoice:
    return NewInvoice(
        customer_id=request.customer_id,
        customer=customer_input(request.customer) if request.HasField("customer") else None,
        currency=request.currency_code,
        lines=[
            LineInput(
                line.description, line.quantity, line.unit_price_minor, _discount(line.discount), line.tax_rate_bp
            )
            for line in request.lines
        ],
        discount=_discount(request.discount),
        terms=Terms(_day("issue_date", request.issue_date), _day("due_date", request.due_date), request.terms_days),
        prices_include_tax=request.prices_include_tax,
        notes=request.notes,
        reference=request.reference,
    )
