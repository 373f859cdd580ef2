"""What invoices made of a payment is kept once, and its credit is in the books."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from support.payments.books import EVERY_BUSINESS, Books, Sale, own_books
from support.payments.stage import Stage, eventually
from support.sample import waiting
from support.services import publish
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import events_pb2, invoices_pb2
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.events.bus import Delivery
from whatsinvoice_kit.events.inbox import Inbox
from whatsinvoice_payments.consumers import subscriptions
from whatsinvoice_payments.models import KIT_TABLES

STREAM = "whatsinvoice.invoices.v1"


@pytest.fixture(scope="module")
def books(postgres_url: str) -> Iterator[Books]:
    with own_books(postgres_url) as books:
        yield books


@pytest.fixture(scope="module")
def backing(books: Books, redis_url: str) -> dict[str, str]:
    return {"database_url": books.url, "redis_url": redis_url}


@pytest.fixture
def sale(books: Books) -> Sale:
    return books.sale()


def after(sale: Sale, paid: int, status: Any = invoices_pb2.INVOICE_STATUS_PAID, version: int = 3) -> dict[str, Any]:
    return {
        "event_id": new_id("evt"),
        "business_id": sale.business_id,
        "aggregate_id": sale.invoice_id,
        "invoice": invoices_pb2.Invoice(
            id=sale.invoice_id,
            status=status,
            currency_code="NGN",
            total_minor=8_000,
            amount_paid_minor=paid,
            version=version,
        ),
    }


def recorded(sale: Sale, credit: int = 2_000, **changes: Any) -> events_pb2.InvoicePaymentRecorded:
    amount = common_pb2.Money(currency_code="NGN", amount_minor=10_000)
    receipt = invoices_pb2.Receipt(payment_id=sale.payment_id, invoice_id=sale.invoice_id, amount=amount)
    values = after(sale, 10_000 - credit) | {"receipt": receipt, "credit_minor": credit} | changes
    return events_pb2.InvoicePaymentRecorded(**values)


def given_back(
    sale: Sale, cause: str, applied: int, credit: int, *, reopened: bool = True
) -> events_pb2.InvoiceReversalRecorded:
    values = after(sale, 8_000 - applied, invoices_pb2.INVOICE_STATUS_PARTIALLY_PAID, 4)
    told: dict[str, Any] = {
        "payment_id": sale.payment_id,
        "cause_id": cause,
        "from_applied_minor": applied,
        "from_credit_minor": credit,
        "reopened": reopened,
    }
    return events_pb2.InvoiceReversalRecorded(**values, **told)


async def kept(books: Books, sale: Sale, count: int) -> list[dict[str, Any]]:
    """Waits until there are so many allocations of the payment."""
    statement = "SELECT * FROM payments.allocations WHERE payment_id = %s ORDER BY invoice_version"

    async def there() -> bool:
        return len(books.rows(statement, sale.payment_id)) == count

    async def instead() -> Any:
        return books.rows(statement, sale.payment_id)

    await eventually(there, instead)
    return books.rows(statement, sale.payment_id)


def sets(books: Books, sale: Sale) -> dict[str, dict[str, int]]:
    """Purpose -> account -> amount, but for the payment itself."""
    found: dict[str, dict[str, int]] = {}
    statement = "SELECT * FROM payments.ledger_entries WHERE payment_id = %s AND purpose <> 'payment'"
    for row in books.rows(statement, sale.payment_id):
        found.setdefault(row["purpose"], {})[row["account"]] = row["amount_minor"]
    return found


async def test_an_overpayment_becomes_the_customers_credit(books: Books, stage: Stage, sale: Sale) -> None:
    await publish(stage.redis_url, STREAM, recorded(sale))
    [row] = await kept(books, sale, 1)
    assert {name: row[name] for name in row if name != "created_at"} == {
        "payment_id": sale.payment_id,
        "cause_id": "",
        "business_id": sale.business_id,
        "invoice_id": sale.invoice_id,
        "applied_minor": 8_000,
        "credit_minor": 2_000,
        "reopened": True,
        "currency": "NGN",
        "invoice_total_minor": 8_000,
        "invoice_paid_minor": 8_000,
        "invoice_status": "paid",
        "invoice_version": 3,
    }
    assert sets(books, sale) == {"credit": {"receivable": 2_000, "customer_credit": -2_000}}


async def test_a_payment_that_counts_whole_writes_no_further_set(books: Books, stage: Stage, sale: Sale) -> None:
    await publish(stage.redis_url, STREAM, recorded(sale, credit=0))
    [row] = await kept(books, sale, 1)
    assert (row["applied_minor"], row["credit_minor"]) == (10_000, 0)
    assert sets(books, sale) == {}


async def test_credit_that_goes_back_is_owed_no_more(books: Books, stage: Stage, sale: Sale) -> None:
    refunds = [given_back(sale, "rfd_1", 0, 1_500, reopened=False), given_back(sale, "rfd_2", 3_000, 500)]
    await publish(stage.redis_url, STREAM, recorded(sale), *refunds)
    rows = await kept(books, sale, 3)
    assert {row["cause_id"]: (row["applied_minor"], row["credit_minor"]) for row in rows} == {
        "": (8_000, 2_000),
        "rfd_1": (0, 1_500),
        "rfd_2": (3_000, 500),
    }
    assert sets(books, sale) == {
        "credit": {"receivable": 2_000, "customer_credit": -2_000},
        "credit returned:rfd_1": {"customer_credit": 1_500, "refunds": -1_500},
        "credit returned:rfd_2": {"customer_credit": 500, "receivable": -500},
    }


async def test_the_same_is_kept_once_however_often_it_is_told(books: Books, stage: Stage, sale: Sale) -> None:
    first, back = recorded(sale), given_back(sale, "dsp_1", 100, 100)
    told_anew = recorded(sale), given_back(sale, "dsp_1", 100, 100)
    await publish(stage.redis_url, STREAM, first, back, *[first, back] * 5, *told_anew)
    last = books.sale()
    await publish(stage.redis_url, STREAM, recorded(last, credit=0))
    await kept(books, last, 1)
    assert len(await kept(books, sale, 2)) == 2
    assert set(sets(books, sale)) == {"credit", "credit returned:dsp_1"}


def failures() -> float:
    return REGISTRY.get_sample_value("events_failed_total", {"event_type": "InvoicePaymentRecorded"}) or 0


async def test_what_comes_before_its_payment_is_tried_again(books: Books, stage: Stage) -> None:
    sale = books.sale()
    name = f"late-{sale.payment_id}"
    books.breaks("UPDATE payments.payments SET id = %s WHERE id = %s", name, sale.payment_id)
    before = failures()
    await publish(stage.redis_url, STREAM, recorded(sale))

    async def failed() -> bool:
        return failures() > before

    await eventually(failed, failed)
    assert await kept(books, sale, 0) == []
    books.breaks("UPDATE payments.payments SET id = %s WHERE id = %s", sale.payment_id, name)
    await kept(books, sale, 1)
    assert set(sets(books, sale)) == {"credit"}


async def test_another_business_cannot_speak_of_the_payment(books: Books, stage: Stage, sale: Sale) -> None:
    stranger = Sale(new_id("biz"), sale.payment_id, sale.invoice_id, "")
    await publish(stage.redis_url, STREAM, recorded(stranger), recorded(sale, credit=0))
    [row] = await kept(books, sale, 1)
    assert (row["business_id"], row["credit_minor"]) == (sale.business_id, 0)


async def test_two_batches_that_wait_for_each_others_chains_are_both_applied(books: Books) -> None:
    """Each business has one end of its chain, taken when a batch commits: two that come crosswise are a deadlock."""
    first, second = books.sale(), books.sale()
    batch = [
        Delivery("1-0", event.event_id, "InvoicePaymentRecorded", "", event.SerializeToString())
        for event in (recorded(first), recorded(second))
    ]
    [of_invoices] = [found for found in subscriptions() if found.stream == STREAM]
    take = "SELECT FROM payments.ledger_heads WHERE business_id = %s FOR UPDATE"
    async with books.unit_of_work() as unit_of_work:
        inbox = Inbox(unit_of_work, KIT_TABLES.inbox, of_invoices, waiting(unit_of_work, KIT_TABLES, of_invoices))
        async with await psycopg.AsyncConnection.connect(books.admin_url, options=EVERY_BUSINESS) as other:
            await other.execute(take, [second.business_id])
            applying = asyncio.create_task(inbox.apply(batch))
            lock_wait = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

            async def waits() -> bool:
                return bool(books.rows(lock_wait))

            await eventually(waits, waits)
            await other.execute("SET deadlock_timeout = '1min'")  # so that the batch is the one to be ended
            await other.execute(take, [first.business_id])
            with pytest.raises(ConnectionError, match="OperationalError"):
                await applying
        assert sets(books, first) == sets(books, second) == {}, "neither half of it"
        assert await inbox.apply(batch) == set()
    for sale in (first, second):
        assert sets(books, sale) == {"credit": {"receivable": 2_000, "customer_credit": -2_000}}
