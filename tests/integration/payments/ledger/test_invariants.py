"""L2: the minute job finds each deliberately broken row, counts it by its rule and names it in the log."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from support.keys import Keyring
from support.payments.books import Books, Sale, own_books
from support.payments.stage import Stage, eventually, staged
from support.sandbox import Entrance
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.domain.breach import CHECKS
from whatsinvoice_payments.service import invariants
from whatsinvoice_payments.service.invariants import InvariantsService


@pytest.fixture(scope="module")
def books(postgres_url: str) -> Iterator[Books]:
    with own_books(postgres_url) as books:
        yield books


@pytest.fixture
def sale(books: Books) -> Iterator[Sale]:
    """A sound one among other sound ones; its business goes when it was broken."""
    for _ in range(3):
        sound(books)
    yield (mine := sound(books))
    for table in ("payments", "allocations", "refunds", "disputes", "ledger_entries", "ledger_sets", "ledger_heads",
                  "ledger_balances", "ledger_anchors", "outbox"):  # fmt: skip
        books.erase(table, mine.business_id)


def sound(books: Books) -> Sale:
    sale = books.sale()
    books.allocate(sale, 10_000)
    return sale


def gauge(check: str) -> float | None:
    return REGISTRY.get_sample_value("payments_invariant_breaches", {"check": check})


async def run(books: Books, times: int = 1) -> dict[str, list[tuple[str, ...]]]:
    """The job's steps: check -> the ids that the log names; the gauge says as many."""
    async with books.unit_of_work() as unit_of_work:
        service = InvariantsService(unit_of_work)
        for _ in range(times):
            with capture_logs() as logs:
                await service.work()
    named: dict[str, list[tuple[str, ...]]] = {}
    for line in logs:
        assert line["log_level"] == "error"
        named.setdefault(line["check"], []).append((line["business_id"], *line["ids"]))
    assert {check: gauge(check) for check in CHECKS} == {check: len(named.get(check, ())) for check in CHECKS}
    return named


async def test_sound_books_break_no_rule(books: Books, sale: Sale) -> None:
    assert await run(books) == {}


Break = tuple[str, str, Callable[[Books, Sale], None]]


def _sql(statement: str, of: str = "payment_id") -> Callable[[Books, Sale], None]:
    return lambda books, sale: books.breaks(statement, getattr(sale, of))


def _event_waits(books: Books, sale: Sale) -> None:
    books.breaks(
        "INSERT INTO payments.outbox (event_id, event_type, business_id, payload, created_at) "
        "VALUES (%s, 'PaymentSucceeded', %s, '', now() - interval '61 s')",
        new_id("evt"),
        sale.business_id,
    )


def _refund(status: str, provider_id: str | None) -> Callable[[Books, Sale], None]:
    """One that payment and books do not know of."""
    return lambda books, sale: books.breaks(
        "INSERT INTO payments.refunds (id, business_id, payment_id, invoice_id, status, currency, amount_minor, "
        "provider_id, created_at, updated_at) VALUES (%s, %s, %s, %s, %s, 'NGN', 500, %s, now(), now())",
        new_id("rfd"),
        sale.business_id,
        sale.payment_id,
        sale.invoice_id,
        status,
        provider_id and provider_id + sale.payment_id,
    )


def _dispute(status: str, lost: int) -> Callable[[Books, Sale], None]:
    return lambda books, sale: books.breaks(
        "INSERT INTO payments.disputes (id, business_id, payment_id, invoice_id, provider_id, status, currency, "
        "amount_minor, lost_minor, created_at, updated_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, 'NGN', 900, %s, now(), now())",
        new_id("dsp"),
        sale.business_id,
        sale.payment_id,
        sale.invoice_id,
        "D" + sale.payment_id,
        status,
        lost,
    )


BREAKS: list[Break] = [
    ("ledger_unbalanced", "entry_set_id",
     _sql("UPDATE payments.ledger_entries SET amount_minor = 101 WHERE payment_id = %s AND account = 'fees'")),
    ("ledger_unbalanced", "entry_set_id",
     _sql("UPDATE payments.ledger_entries SET currency = 'GHS' WHERE payment_id = %s AND account = 'fees'")),
    ("balance_drift", "business_id",
     _sql("UPDATE payments.ledger_balances SET amount_minor = amount_minor + 1 "
          "WHERE business_id = %s AND account = 'fees'", "business_id")),
    ("balance_drift", "business_id",
     _sql("DELETE FROM payments.ledger_balances WHERE business_id = %s", "business_id")),
    ("chain_broken", "entry_set_id",
     _sql("UPDATE payments.ledger_entries SET account = 'bank' WHERE payment_id = %s AND account = 'fees'")),
    ("chain_broken", "entry_set_id",
     _sql("DELETE FROM payments.ledger_entries WHERE payment_id = %s AND account = 'fees'")),
    ("chain_broken", "entry_set_id", _sql("DELETE FROM payments.ledger_sets WHERE entry_set_id = %s", "entry_set_id")),
    ("chain_broken", "business_id",
     _sql("UPDATE payments.ledger_heads SET position = 0 WHERE business_id = %s", "business_id")),
    ("chain_cut", "business_id",
     _sql("INSERT INTO payments.ledger_anchors VALUES (%s, 2, '\\x00', now())", "business_id")),
    ("chain_cut", "business_id",
     _sql("INSERT INTO payments.ledger_anchors VALUES (%s, 1, '\\x00', now())", "business_id")),
    ("paid_mismatch", "invoice_id",
     _sql("UPDATE payments.allocations SET applied_minor = 9999 WHERE payment_id = %s")),
    ("paid_mismatch", "invoice_id",
     _sql("UPDATE payments.allocations SET invoice_status = 'open' WHERE payment_id = %s")),
    ("paid_mismatch", "invoice_id",
     _sql("UPDATE payments.allocations SET invoice_total_minor = 10001 WHERE payment_id = %s")),
    ("paid_mismatch", "payment_id", _sql("UPDATE payments.allocations SET credit_minor = 7 WHERE payment_id = %s")),
    ("payment_unallocated", "payment_id", _sql("DELETE FROM payments.allocations WHERE payment_id = %s")),
    ("payment_without_entries", "payment_id", _sql("DELETE FROM payments.ledger_entries WHERE payment_id = %s")),
    ("payment_without_entries", "payment_id",
     _sql("UPDATE payments.payments SET settled_minor = 9999 WHERE id = %s")),
    ("payment_without_entries", "payment_id", _sql("UPDATE payments.payments SET fees_minor = 99 WHERE id = %s")),
    ("payment_without_entries", "payment_id",
     _sql("UPDATE payments.payments SET status = 'failed', settled_minor = NULL WHERE id = %s")),
    ("payment_without_entries", "payment_id", _sql("DELETE FROM payments.payments WHERE id = %s")),
    ("refund_mismatch", "payment_id", _sql("UPDATE payments.payments SET refunded_minor = 5 WHERE id = %s")),
    ("refund_mismatch", "payment_id", _refund("processed", "r")),
    ("refund_mismatch", "payment_id", _refund("processing", "r")),
    ("refund_mismatch", "payment_id", _dispute("resolved", 400)),
    ("refund_mismatch", "payment_id", _dispute("open", 0)),
    ("outbox_old", "business_id", _event_waits),
]  # fmt: skip


@pytest.mark.parametrize(("check", "named", "act"), BREAKS, ids=[f"{n}-{case[0]}" for n, case in enumerate(BREAKS)])
async def test_a_broken_row_is_counted_and_named(
    books: Books, sale: Sale, check: str, named: str, act: Callable[[Books, Sale], None]
) -> None:
    act(books, sale)
    found = await run(books)
    assert any(getattr(sale, named) in ids for ids in found[check])
    assert {ids[0] for of_check in found.values() for ids in of_check} == {sale.business_id}


def test_there_is_a_broken_row_for_every_rule() -> None:
    assert {check for check, _, _ in BREAKS} == set(CHECKS)


async def test_money_that_is_on_its_way_back_breaks_no_rule(books: Books, sale: Sale) -> None:
    _refund("pending", None)(books, sale)
    _refund("processing", "a")(books, sale)
    _dispute("awaiting", 0)(books, sale)
    names = {"business_id": sale.business_id, "payment_id": sale.payment_id}
    books.post(names["business_id"], ("refunds", 500), ("paystack_clearing", -500), **names_of(sale, "refund sent:1"))
    books.post(
        names["business_id"], ("disputes", 900), ("paystack_clearing", -900), **names_of(sale, "dispute opened:1")
    )
    assert await run(books) == {}


def names_of(sale: Sale, purpose: str) -> dict[str, Any]:
    return {"payment_id": sale.payment_id, "purpose": purpose}


async def test_f25_a_payment_that_says_it_was_paid_nothing_is_a_breach(books: Books) -> None:
    """No row is exempt: a fault that writes 0 is found, and does not exempt the invoice of its payment."""
    sale = books.sale(paid_minor=0)
    assert "payment_without_entries" in await run(books)
    books.erase("payments", sale.business_id)
    books.erase("ledger_entries", sale.business_id)
    for table in ("ledger_sets", "ledger_heads", "ledger_balances"):
        books.erase(table, sale.business_id)
    assert await run(books) == {}


async def test_what_has_time_left_is_left_alone(books: Books, sale: Sale) -> None:
    """A payment that invoices has not answered for yet, an event on its way."""
    books.breaks("UPDATE payments.payments SET updated_at = now() - interval '14 min' WHERE id = %s", sale.payment_id)
    books.breaks("DELETE FROM payments.allocations WHERE payment_id = %s", sale.payment_id)
    books.breaks(
        "INSERT INTO payments.outbox (event_id, event_type, business_id, payload) VALUES (%s, 'x', %s, '')",
        new_id("evt"),
        sale.business_id,
    )
    assert await run(books) == {}
    books.breaks("UPDATE payments.payments SET updated_at = now() - interval '16 min' WHERE id = %s", sale.payment_id)
    assert list(await run(books)) == ["payment_unallocated"]


async def test_old_rows_come_round_and_stand_until_they_come_round_again(
    books: Books, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invariants, "SLICE", 2)
    monkeypatch.setattr(invariants, "RECENT", 0)
    books.breaks("UPDATE payments.payments SET fees_minor = 99 WHERE id = %s", sale.payment_id)
    slices = books.rows("SELECT count(*) / 2 + 1 AS n FROM payments.payments")[0]["n"]
    async with books.unit_of_work() as unit_of_work:
        service = InvariantsService(unit_of_work)

        async def counted() -> float | None:
            await service.work()
            return gauge("payment_without_entries")

        assert [await counted() for _ in range(slices)][-1] == 1
        books.breaks("UPDATE payments.payments SET fees_minor = 100 WHERE id = %s", sale.payment_id)
        assert await counted() == 1
        assert [await counted() for _ in range(slices)][-1] == 0


async def test_at_most_twenty_of_a_rule_are_written_into_the_log(books: Books, sale: Sale) -> None:
    for _ in range(25):
        _event_waits(books, sale)
    async with books.unit_of_work() as unit_of_work:
        with capture_logs() as logs:
            await InvariantsService(unit_of_work).work()
    assert len(logs) == 20


@pytest.fixture(scope="module")
def backing(books: Books, redis_url: str) -> dict[str, str]:
    return {"database_url": books.url, "redis_url": redis_url}


@pytest_asyncio.fixture(loop_scope="module")
async def minutely(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    """Payments with minutes of 50 ms."""
    async with staged(backing, keyring, sandbox_url, door, invariants_seconds=0.05, anchor_seconds=0.05) as stage:
        yield stage


async def test_the_running_service_looks_each_minute_and_anchors(books: Books, sale: Sale, minutely: Stage) -> None:
    async def counted() -> bool:
        return gauge("payment_without_entries") == 1

    async def anchored() -> bool:
        return bool(books.rows("SELECT 1 FROM payments.ledger_anchors WHERE business_id = %s", sale.business_id))

    async def said() -> Any:
        return {check: gauge(check) for check in CHECKS}

    books.breaks("UPDATE payments.payments SET settled_minor = 9999 WHERE id = %s", sale.payment_id)
    await eventually(counted, said)
    await eventually(anchored, said)
