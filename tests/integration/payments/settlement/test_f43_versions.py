"""F43: events in every order leave the newest business, and the same allocations and entries."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from support.builders import a_business_registered
from support.orders import apply_in_order, handlers_of
from support.payments.books import Books, Sale, own_books
from whatsinvoice.auth.v1.auth_pb2 import Business
from whatsinvoice.auth.v1.events_pb2 import BusinessChanged
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import events_pb2, invoices_pb2
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.consumers import subscriptions


@pytest.fixture(scope="module")
def books(postgres_url: str) -> Iterator[Books]:
    with own_books(postgres_url) as books:
        yield books


def changed(business_id: str, version: int) -> BusinessChanged:
    told = Business(id=business_id, name=f"Name {version}", country="NG", currency_code="NGN", time_zone="Africa/Lagos")
    return BusinessChanged(
        event_id=new_id("evt"),
        business_id=business_id,
        aggregate_id=business_id,
        aggregate_version=version,
        business=told,
    )


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_f43_the_newest_version_of_a_business_stays(books: Books, order: tuple[int, ...]) -> None:
    business_id = new_id("biz")
    events: list[Callable[[], Any]] = [
        partial(a_business_registered, business_id),
        partial(changed, business_id, 2),
        partial(changed, business_id, 3),
    ]
    async with books.unit_of_work() as unit_of_work:
        await apply_in_order(unit_of_work, handlers_of(subscriptions()), [events[place] for place in order])
    rows = books.rows("SELECT name, version FROM payments.businesses WHERE id = %s", business_id)
    assert rows == [{"name": "Name 3", "version": 3}]


def _after(sale: Sale, paid: int, version: int) -> dict[str, Any]:
    status = invoices_pb2.INVOICE_STATUS_PAID if paid == 8_000 else invoices_pb2.INVOICE_STATUS_PARTIALLY_PAID
    invoice = invoices_pb2.Invoice(
        id=sale.invoice_id,
        status=status,
        currency_code="NGN",
        total_minor=8_000,
        amount_paid_minor=paid,
        version=version,
    )
    return {
        "event_id": new_id("evt"),
        "business_id": sale.business_id,
        "aggregate_id": sale.invoice_id,
        "aggregate_version": version,
        "invoice": invoice,
    }


def recorded(sale: Sale) -> events_pb2.InvoicePaymentRecorded:
    amount = common_pb2.Money(currency_code="NGN", amount_minor=10_000)
    receipt = invoices_pb2.Receipt(payment_id=sale.payment_id, invoice_id=sale.invoice_id, amount=amount)
    return events_pb2.InvoicePaymentRecorded(receipt=receipt, credit_minor=2_000, **_after(sale, 8_000, 3))


def given_back(sale: Sale, cause: str, applied: int, credit: int, version: int) -> events_pb2.InvoiceReversalRecorded:
    return events_pb2.InvoiceReversalRecorded(
        payment_id=sale.payment_id,
        cause_id=cause,
        from_applied_minor=applied,
        from_credit_minor=credit,
        reopened=True,
        **_after(sale, 8_000 - applied, version),
    )


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_f43_allocations_in_any_order_make_the_same_books(books: Books, order: tuple[int, ...]) -> None:
    """The last event is the payment again, with another event id."""
    sale = books.sale()
    events: list[Callable[[], Any]] = [
        partial(recorded, sale),
        partial(given_back, sale, "rfd_1", 0, 1_500, 4),
        partial(given_back, sale, "rfd_2", 3_000, 500, 5),
        partial(recorded, sale),
    ]
    async with books.unit_of_work() as unit_of_work:
        await apply_in_order(unit_of_work, handlers_of(subscriptions()), [events[place] for place in order])
    statement = "SELECT * FROM payments.allocations WHERE payment_id = %s ORDER BY invoice_version"
    rows = books.rows(statement, sale.payment_id)
    assert [(row["cause_id"], row["applied_minor"], row["credit_minor"], row["invoice_version"]) for row in rows] == [
        ("", 8_000, 2_000, 3),
        ("rfd_1", 0, 1_500, 4),
        ("rfd_2", 3_000, 500, 5),
    ]
    credit = (
        "SELECT sum(amount_minor) FROM payments.ledger_entries WHERE payment_id = %s AND account = 'customer_credit'"
    )
    assert books.rows(credit, sale.payment_id)[0]["sum"] == 0
    [payment] = books.rows("SELECT credit_minor FROM payments.payments WHERE id = %s", sale.payment_id)
    assert payment["credit_minor"] == 0
