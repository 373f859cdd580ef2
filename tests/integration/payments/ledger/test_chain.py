"""The ledger's chain: nobody but a superuser changes it, every writer is in it, and what she changes is named."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from structlog.testing import capture_logs
from support.payments.books import EVERY_BUSINESS, INSERT, SALE, Books, own_books
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.provision import provision
from whatsinvoice_payments.domain.chain import START, Head, Written, digest_of, hash_of, line_of, read_head, text_of
from whatsinvoice_payments.repository import chain as chain_rows
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.service.books_checks import Rounds
from whatsinvoice_payments.service.chain import ChainService

CHAINED = ("ledger_entries", "ledger_sets", "ledger_anchors")
CHANGES = ("UPDATE payments.{} SET business_id = ''", "DELETE FROM payments.{}", "TRUNCATE payments.{}")
KEPT = ("ledger_sets", "ledger_heads", "ledger_balances")


@pytest.fixture(scope="module")
def books(postgres_url: str) -> Iterator[Books]:
    with own_books(postgres_url) as books:
        books.post(new_id("biz"))
        yield books


def refused(url: str, statement: str, error: type[psycopg.Error]) -> None:
    with psycopg.connect(url, options=EVERY_BUSINESS) as connection, pytest.raises(error):
        connection.execute(statement.encode())


@pytest.mark.parametrize("again", [False, True], ids=["provisioned once", "provisioned again"])
def test_the_services_role_only_adds_to_the_ledger(postgres_url: str, books: Books, again: bool) -> None:
    if again:
        password = "payments-of-the-tests"
        provision(postgres_url, "payments", password, password, books.admin_url.rpartition("/")[2])
    for table in {*CHAINED, *KEPT}:
        for statement in CHANGES:
            refused(books.url, statement.format(table), psycopg.errors.InsufficientPrivilege)
    for table in KEPT:
        refused(books.url, f"INSERT INTO payments.{table} TABLE payments.{table}", psycopg.errors.InsufficientPrivilege)
    books.post(new_id("biz"))


def test_its_owner_meets_the_trigger(books: Books) -> None:
    for table in CHAINED:
        for statement in CHANGES:
            refused(books.owner_url, statement.format(table), psycopg.errors.RestrictViolation)


def test_a_new_table_is_the_roles_as_before(books: Books) -> None:
    with psycopg.connect(books.url) as connection:
        connection.execute("UPDATE payments.webhookevent SET error = ''")
        connection.execute("DELETE FROM payments.refunds")


def test_a_closed_set_takes_no_further_entry(books: Books) -> None:
    business, payment = new_id("biz"), new_id("pay")
    entry_set = books.post(business, payment_id=payment)
    with pytest.raises(psycopg.errors.RestrictViolation, match="is closed"):
        books.post(business, ("bank", 5), ("cash", -5), entry_set_id=entry_set, payment_id=payment)


ODD = ("", ":", "3:a,", "4:led_,", "ünïcödé ₦ 🧾", "a\nb\t'\"\\", "9" * 300)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 2, 28, 23, 59, 59, 999_999, UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1, UTC),
        datetime(2262, 4, 12, 0, 0, 0, 123_456, UTC),
    ],
)
def test_both_sides_write_the_same_text(books: Books, odd: str, moment: datetime) -> None:
    entries = [
        Written(new_id("led"), "biz", odd, odd, account, odd, amount, odd, "inv", moment)
        for account, amount in (("cash", 9_007_199_254_740_993), ("bank", -9_223_372_036_854_775_807))
    ]
    said = "SELECT payments.entry_text(ROW(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)::payments.ledger_entries) AS text"
    for entry in entries:
        values = [getattr(entry, name) for name in Written.__dataclass_fields__]
        assert books.rows(said, *values) == [{"text": text_of(entry)}]


def test_no_two_entries_have_one_text() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    made = {
        text_of(Written("led", "b", first, second, "cash", "NGN", 1, third, "inv", moment))
        for first in ODD
        for second in ODD
        for third in ODD
    }
    assert len(made) == len(ODD) ** 3


async def broken(books: Books) -> list[tuple[str, str]]:
    """What a whole round finds: check and business."""
    found = []
    async with books.unit_of_work() as unit_of_work:
        rounds = Rounds(unit_of_work, 7)
        for step in (rounds.links, rounds.businesses, rounds.anchors):
            while True:
                looked = await step()
                found += [(breach.check, breach.business_id) for breach in looked.breaches]
                if looked.last:
                    break
    return [(check, business) for check, business in found if check != "payment_without_entries"]


async def test_sets_of_many_writers_at_once_stand_in_one_chain(books: Books) -> None:
    business = new_id("biz")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: books.post(business), range(40)))
    async with books.unit_of_work() as unit_of_work, unit_of_work.read() as tx:
        links = [link for link in await chain_rows.links_after(tx, business, 0, 100) if link.business_id == business]
        entries = await chain_rows.entries_of(tx, made)
        heads = {head.business_id: head for head in await chain_rows.heads(tx)}
        balances = await ledger_rows.balances(tx, business)
    assert [link.position for link in links] == list(range(1, 41))
    assert {link.entry_set_id for link in links} == set(made)
    previous = START
    for link in links:
        assert link.previous_hash == previous
        previous = hash_of(previous, entries[link.entry_set_id])
        assert link.hash == previous
    assert heads[business] == Head(business, 40, previous)
    assert {(balance.account.value, balance.amount_minor) for balance in balances} == {
        (account, 40 * amount) for account, amount in SALE
    }
    assert await broken(books) == []


def test_what_a_transaction_sees_is_the_same_after_its_sets(books: Books) -> None:
    business = new_id("biz")
    with psycopg.connect(books.url, options=f"-c app.business_id={business}") as connection:
        for account, amount in SALE:
            values = (new_id("led"), business, f"set_{business}", "payment", account, "NGN", amount, "pay_1")
            connection.execute(INSERT, values)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert connection.execute("SHOW app.business_id").fetchone() == (business,)
        assert connection.execute("SELECT DISTINCT business_id FROM payments.ledger_heads").fetchall() == [(business,)]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE payments.ledger_entries SET amount_minor = amount_minor + 1 WHERE id = %s", "edited"),
        ("UPDATE payments.ledger_entries SET invoice_id = 'inv_other' WHERE id = %s", "moved to another invoice"),
        ("DELETE FROM payments.ledger_entries WHERE id = %s", "deleted"),
    ],
)
async def test_a_changed_entry_breaks_its_chain(postgres_url: str, statement: str, what: str) -> None:
    with own_books(postgres_url) as books:
        business = new_id("biz")
        for _ in range(5):
            books.post(business)
            books.post(new_id("biz"))
        assert await broken(books) == []
        entries = books.rows("SELECT id FROM payments.ledger_entries WHERE business_id = %s ORDER BY id", business)
        books.breaks(statement, entries[7]["id"])
        assert ("chain_broken", business) in await broken(books), what
        assert {found for _, found in await broken(books)} == {business}


async def test_a_set_that_was_cut_out_or_put_in_is_named(postgres_url: str) -> None:
    with own_books(postgres_url) as books:
        cut, put, entered = (new_id("biz") for _ in range(3))
        sets = {business: [books.post(business) for _ in range(4)] for business in (cut, put, entered)}
        books.breaks("DELETE FROM payments.ledger_entries WHERE entry_set_id = %s", sets[cut][1])
        books.breaks("DELETE FROM payments.ledger_sets WHERE entry_set_id = %s", sets[cut][1])
        books.breaks("UPDATE payments.ledger_sets SET hash = previous_hash WHERE entry_set_id = %s", sets[put][3])
        books.breaks(
            "INSERT INTO payments.ledger_entries SELECT id || 'x', business_id, 'set_new', purpose, account, currency, "
            "amount_minor, payment_id || 'x', invoice_id, now() FROM payments.ledger_entries WHERE entry_set_id = %s",
            sets[entered][0],
        )
        found = await broken(books)
        assert {business for check, business in found if check == "chain_broken"} == {cut, put, entered}


async def test_a_chain_that_was_cut_with_its_head_is_named_by_an_anchor(postgres_url: str) -> None:
    with own_books(postgres_url) as books:
        business = new_id("biz")
        kept, last = books.post(business), books.post(business)
        async with books.unit_of_work() as unit_of_work:
            await ChainService(unit_of_work).anchor()
        books.breaks("DELETE FROM payments.ledger_entries WHERE entry_set_id = %s", last)
        books.breaks("DELETE FROM payments.ledger_sets WHERE entry_set_id = %s", last)
        books.breaks(
            "UPDATE payments.ledger_heads h SET position = s.position, hash = s.hash FROM payments.ledger_sets s "
            "WHERE s.entry_set_id = %s AND h.business_id = s.business_id",
            kept,
        )
        books.breaks(
            "UPDATE payments.ledger_balances SET amount_minor = amount_minor / 2 WHERE business_id = %s", business
        )
        assert await broken(books) == [("chain_cut", business)]


async def test_anchors_keep_what_has_moved_and_tell_the_log(postgres_url: str) -> None:
    with own_books(postgres_url) as books:
        first, second = new_id("biz"), new_id("biz")
        for business in (first, first, second):
            books.post(business)
        async with books.unit_of_work() as unit_of_work:
            service = ChainService(unit_of_work)
            with capture_logs() as logs:
                await service.anchor()
                books.post(second)
                await service.anchor()
                await service.anchor()
            async with unit_of_work.read() as tx:
                heads = await chain_rows.heads(tx)
        assert [line["moved"] for line in logs] == [2, 1, 0]
        assert logs[1]["digest"] == digest_of([head for head in heads if head.business_id == second])
        assert [read_head(line_of(head).strip()) for head in heads] == heads
        anchors = books.rows("SELECT business_id, position FROM payments.ledger_anchors ORDER BY taken_at, position")
        assert {(row["business_id"], row["position"]) for row in anchors} == {(first, 2), (second, 1), (second, 2)}
