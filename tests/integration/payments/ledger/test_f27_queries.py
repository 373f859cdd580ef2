"""F27: what repeats, reads and checks may not depend on."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.payments.books import own_books
from support.payments.stage import Stage
from support.payments.surprises import record
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.repository import chain as chain_rows
from whatsinvoice_payments.repository import invariants as rows
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.service import books_checks
from whatsinvoice_payments.service.chain import ChainService
from whatsinvoice_payments.service.invariants import InvariantsService

DUE = 7_500_000


async def test_f27_a_repeat_of_record_payment_does_not_need_invoices(stage: Stage) -> None:
    token = stage.invoices.bill()
    first = await record(stage, token, key="taken")
    bill = stage.invoices.by_token.pop(token)
    business = stage.keyring.user_token(bill.business_id)
    request = pb.RecordPaymentRequest(invoice_id=bill.invoice_id, method="cash")
    metadata = (("authorization", f"Bearer {business}"), ("idempotency-key", "taken"))
    assert (await stage.stub.RecordPayment(request, metadata=metadata)).payment == first


async def test_f27_a_statement_is_of_one_moment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment that is recorded while the statement is read is in all of it or in none."""
    token = stage.invoices.bill()
    me = stage.as_merchant(token)
    await record(stage, token, amount_minor=100)
    read = ledger_rows.list_entries_oldest_first

    async def slowly(*given: Any) -> Sequence[Any]:
        found = await read(*given)
        monkeypatch.setattr(ledger_rows, "list_entries_oldest_first", read)
        await record(stage, token, amount_minor=20_000)
        return found

    monkeypatch.setattr(ledger_rows, "list_entries_oldest_first", slowly)
    answer = await stage.stub.GetStatement(pb.GetStatementRequest(account="cash"), metadata=me)
    entries = sum(entry.amount.amount_minor for entry in answer.entries)
    assert [balance.balance.amount_minor for balance in answer.closing] == [entries] == [100]


async def test_f27_a_business_that_cannot_be_checked_stops_neither_the_others_nor_the_job(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books_checks, "BUSINESSES_AT_ONCE", 1)
    with own_books(postgres_url) as books:
        first, second = sorted((new_id("biz"), new_id("biz")))
        for business in (first, second):
            books.post(business)
        asked: list[str] = []
        check = rows.of_businesses

        async def too_large(tx: Any, ids: Sequence[str]) -> Any:
            asked.extend(ids)
            if first in ids:
                raise TimeoutError("too large")
            return await check(tx, ids)

        monkeypatch.setattr(rows, "of_businesses", too_large)
        async with books.unit_of_work() as unit_of_work:
            service = InvariantsService(unit_of_work)
            with capture_logs() as logs:
                while asked.count(second) < 2:  # the second round has begun
                    assert await service.work() == 0
        assert asked.count(first) >= 1
        assert "a slice of the books could not be checked" in {line["event"] for line in logs}


async def test_f27_only_heads_that_moved_are_read_and_written(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_books(postgres_url) as books:
        for business in sorted(new_id("biz") for _ in range(3)):
            books.post(business)
        written: list[int] = []
        add = chain_rows.add_anchors

        async def noted(tx: Any, heads: Sequence[Any], moment: Any) -> int:
            written.append(len(heads))
            return await add(tx, heads, moment)

        monkeypatch.setattr(chain_rows, "add_anchors", noted)
        async with books.unit_of_work() as unit_of_work:
            service = ChainService(unit_of_work)
            await service.anchor()
            await service.anchor()
            books.post(business)
            await service.anchor()
        assert written == [3, 0, 1]
