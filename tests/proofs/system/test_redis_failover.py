"""A whole stack on Sentinels and on a cluster: a master is killed while invoices are paid, and each is paid once."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from support.payers import PRICE, UNLIMITED, Payers
from support.redis_servers import Redises
from whatsinvoice_local.stack import Stack

pytestmark = pytest.mark.slow
PAYERS = 4


def failover_amid(payers: Payers, redises: Redises) -> tuple[float, float]:
    """All pay; the master dies after a third. Gives how long nothing was paid, and how long all of it took."""
    started = time.monotonic()
    growth = [started]
    with ThreadPoolExecutor(PAYERS + 1) as threads:
        paying = [threads.submit(payers.pay, number) for number in range(payers.count)]
        killing: Future[Any] | None = None
        counted = 0
        while counted < payers.count:
            time.sleep(0.1)
            before, counted = counted, payers.paid()
            if counted > before:
                growth.append(time.monotonic())
            if killing is None and counted >= payers.count // 3:
                growth = [time.monotonic()]
                redises.master_of("whatsinvoice.payments.v1").kill()
                killing = threads.submit(redises.await_takeover, "whatsinvoice.payments.v1")
            assert time.monotonic() - growth[-1] < 60, f"{counted} of {payers.count} are paid, and no more"
            if broken := next((found for found in paying if found.done() and found.exception()), None):
                threads.shutdown(cancel_futures=True)
                broken.result()
        assert killing is not None
        killing.result()
    pauses = [later - earlier for earlier, later in pairwise(growth)]
    return max(pauses), time.monotonic() - started


def a_run(stack: Stack, redises: Redises, count: int, figure: Callable[[str], None]) -> None:
    with closing(Payers(stack, count)) as payers:
        _paid_across_it(payers, redises, count, figure)


def _paid_across_it(payers: Payers, redises: Redises, count: int, figure: Callable[[str], None]) -> None:
    pause, seconds = failover_amid(payers, redises)
    receipts, charges, books = payers.await_receipts(), payers.charges(), payers.books()
    lost, twice = sum(n == 0 for n in receipts.values()), sum(n > 1 for n in receipts.values())
    where = f"{redises.mode}{' with TLS' if redises.tls else ''}"
    figure(
        f"{where}, kill -9 of the master at {count // 3} of {count} invoices: {payers.paid()} paid in {seconds:.0f} s, "
        f"longest pause {pause:.1f} s, {payers.republished()} events published again, receipts: {lost} lost, "
        f"{twice} twice; {len(payers.repeated)} requests repeated; charges {len(charges)}, "
        f"receivable {books['receivable']}, books sum to {sum(books.values())}"
    )
    assert (lost, twice, payers.paid()) == (0, 0, count), payers.twice(receipts)
    assert charges == [PRICE] * count
    with psycopg.connect(payers.database) as connection:
        rows = connection.execute(
            "SELECT invoice_id, count(*), sum(settled_minor) FROM payments.payments"
            " WHERE status = 'succeeded' GROUP BY 1"
        ).fetchall()
        due = connection.execute("SELECT DISTINCT amount_paid_minor - total_minor FROM invoices.invoices").fetchall()
    assert [(number, amount) for _, number, amount in rows] == [(1, PRICE)] * count
    assert due == [(0,)]
    assert (sum(books.values()), books["receivable"]) == (0, -PRICE * count)


def a_stack(new_stack: Callable[..., Stack], redises: Redises) -> Stack:
    redises.empty()
    stack = new_stack(**redises.settings(), **UNLIMITED)
    assert stack.up()
    return stack


@pytest.mark.timeout(240)
def test_forty_invoices_are_paid_across_a_failover(
    new_stack: Callable[..., Stack], cluster_redis: Redises, figure: Callable[[str], None]
) -> None:
    a_run(a_stack(new_stack, cluster_redis), cluster_redis, 40, figure)
    cluster_redis.mend()


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["sentinel", "cluster"])
def test_five_hundred_invoices_are_paid_across_a_failover(
    new_stack: Callable[..., Stack], request: pytest.FixtureRequest, mode: str, figure: Callable[[str], None]
) -> None:
    redises: Redises = request.getfixturevalue(f"{mode}_redis")
    a_run(a_stack(new_stack, redises), redises, 500, figure)
    redises.mend()
