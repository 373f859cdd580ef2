"""Webhooks and the provider's failures on a whole stack (W1, W2, W4, W5, W6, D2), everything over HTTP."""

import asyncio
import json
import os
import random
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from integration.payments.webhooks.test_webhooks import forged
from proofs.bench.client import exchange, request_bytes
from support.shop import SENDER, Bill, Shop, open_shop
from whatsinvoice_local.stack import Stack
from whatsinvoice_payments.models import METADATA

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
RECONCILE_SCALE = 0.05
FIRST_CHECK_SECONDS = 300 * RECONCILE_SCALE
PER_SECOND = 240
ACK_SECONDS = 0.05
PAUSE = 2.0


@pytest.fixture(scope="module")
def shop(new_module_stack: Callable[..., Stack]) -> Iterator[Shop]:
    """On a stack whose reconciliation asks first after fifteen seconds, in the place of five minutes."""
    stack = new_module_stack(
        PAYMENTS_RECONCILE_SCALE=str(RECONCILE_SCALE),
        PAYMENTS_RECONCILE_SECONDS="0.5",
        PAYMENTS_PROVIDER_PAUSE_SECONDS=str(PAUSE),
        PAYMENTS_WEBHOOK_RETRY_SECONDS="0.2",
        GATEWAY_READ_QUOTA="1000000/minute",
        GATEWAY_WRITE_QUOTA="1000000/minute",
    )
    assert stack.up()
    shop = open_shop(stack)
    yield shop
    shop.close()


@pytest.fixture(autouse=True)
def well(shop: Shop) -> None:
    shop.faults()


def until(truth: Callable[[], object], seconds: float = 30.0) -> float:
    """Waits until something is true; how long that took."""
    began = time.monotonic()
    while not truth():
        assert time.monotonic() - began < seconds
        time.sleep(0.1)
    return time.monotonic() - began


def paid(shop: Shop, bills: Sequence[Bill]) -> int:
    return sum(shop.status(bill) == "paid" for bill in bills)


def settled(shop: Shop, references: Sequence[str]) -> int:
    statement = "SELECT count(*) FROM payments.payments WHERE reference = ANY(%s) AND status = 'succeeded'"
    return int(shop.rows(statement, references)[0][0])


def rows_of_all_tables(shop: Shop) -> dict[str, int]:
    """Those that a webhook could change; the outbox is published and the inbox filled by others' events meanwhile."""
    tables = [table.name for table in METADATA.sorted_tables if table.name not in {"outbox", "inbox", "relay_state"}]
    return {table: shop.rows(f"SELECT count(*) FROM payments.{table}")[0][0] for table in tables}  # noqa: S608  (our names)


async def paced(shop: Shop, bodies: Sequence[bytes], per_second: float) -> list[tuple[int, float]]:
    """Sends each webhook at its moment, over fifty connections; status and seconds of each, from that moment on."""
    url, free = httpx.URL(shop.webhooks), asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    for _ in range(50):
        free.put_nowait(await asyncio.open_connection(url.host, url.port))
    requests = [request_bytes("POST", url.path, shop.signed(body), body) for body in bodies]
    began = time.perf_counter()

    async def send(number: int, request: bytes) -> tuple[int, float]:
        moment = began + number / per_second
        await asyncio.sleep(max(moment - time.perf_counter(), 0))
        connection = await free.get()
        status = await exchange(*connection, request)
        free.put_nowait(connection)
        return status, time.perf_counter() - moment

    answers = await asyncio.gather(*(send(number, request) for number, request in enumerate(requests)))
    while not free.empty():
        _, writer = free.get_nowait()
        writer.close()
        await writer.wait_closed()
    return answers


def kept(shop: Shop, mark: str) -> int:
    return int(shop.rows("SELECT count(*) FROM payments.webhookevent WHERE natural_id LIKE %s", f"{mark}%")[0][0])


def cpu_seconds(shop: Shop, part: str) -> float:
    """What a part of the stack has used so far."""
    fields = Path(f"/proc/{shop.env[f'{part.upper()}_PID']}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def flood(shop: Shop, seconds: float) -> tuple[str, float, int]:
    """W1: what was measured, in words; the median of the answers in seconds; how many were acknowledged and lost."""
    mark = f"TRF_{secrets.token_hex(6)}_"
    names = [f"{mark}{number}" for number in range(int(PER_SECOND * seconds))]
    bodies = [json.dumps({"event": "transfer.success", "data": {"transfer_code": name}}).encode() for name in names]
    before = {part: cpu_seconds(shop, part) for part in ("gateway", "payments")}
    answers = asyncio.run(paced(shop, bodies, PER_SECOND))
    used = {part: (cpu_seconds(shop, part) - spent) / len(bodies) * 1000 for part, spent in before.items()}
    assert {status for status, _ in answers} == {200}
    median, lost = statistics.median(took for _, took in answers), len(bodies) - kept(shop, mark)
    told = f"{len(bodies)} webhooks at {PER_SECOND}/s, {lost} lost, p50 {median * 1000:.1f} ms; CPU for each"
    return f"{told}: gateway {used['gateway']:.2f} ms, payments {used['payments']:.2f} ms", median, lost


def test_w1_a_webhook_is_stored_before_it_is_acknowledged(shop: Shop, figure: Callable[[str], None]) -> None:
    for _ in range(20):
        name = f"TRF_{secrets.token_hex(6)}"
        body = json.dumps({"event": "transfer.success", "data": {"transfer_code": name}}).encode()
        assert shop.web.post(shop.webhooks, content=body, headers=shop.signed(body)).status_code == 200
        assert kept(shop, name) == 1, "at the moment of the answer"
    told, _, lost = flood(shop, 3)
    figure(f"W1: 20 of 20 stored at their answer; {told}")
    assert lost == 0


@pytest.mark.faults
def test_w1_for_longer_and_as_fast_as_it_must_be(shop: Shop, figure: Callable[[str], None]) -> None:
    told, median, lost = flood(shop, 30)
    figure(f"W1: {told}")
    assert lost == 0
    assert median <= ACK_SECONDS


def test_w2_fifty_events_in_twenty_copies_shuffled_have_fifty_effects(
    shop: Shop, figure: Callable[[str], None]
) -> None:
    before = shop.balances().get("receivable", 0)
    shop.faults({"call": "webhook", "fault": "drop"})
    bills = [shop.bill(1_000_000 + 1_000 * number) for number in range(50)]
    references = [shop.pay(bill) for bill in bills]
    copies = [shop.charge_success(reference) for reference in references] * 20
    random.Random(20).shuffle(copies)  # noqa: S311  (an order, not a secret)
    answers = asyncio.run(paced(shop, copies, 400))
    assert {status for status, _ in answers} == {200}
    until(lambda: settled(shop, references) == len(bills))
    until(lambda: paid(shop, bills) == len(bills))
    wanted = {reference: bill.amount_minor for reference, bill in zip(references, bills, strict=True)}
    entries = shop.rows(
        "SELECT p.reference, p.paid_minor, count(*) FILTER (WHERE e.account = 'receivable'), sum(e.amount_minor), "
        "sum(e.amount_minor) FILTER (WHERE e.account = 'receivable') FROM payments.payments p "
        "JOIN payments.ledger_entries e ON e.payment_id = p.id WHERE p.reference = ANY(%s) GROUP BY 1, 2",
        references,
    )
    assert {row[0]: (row[1], row[2], int(row[3]), int(row[4])) for row in entries} == {
        reference: (amount, 1, 0, -amount) for reference, amount in wanted.items()
    }
    assert {reference: shop.truth()[reference] for reference in references} == wanted
    assert shop.balances()["receivable"] == before - sum(wanted.values())
    told = shop.rows("SELECT count(*) FROM payments.webhookevent WHERE natural_id = ANY(%s)", references)
    assert told == [(len(references),)]
    figure(f"W2: {len(copies)} webhooks of 50 events, {len(entries)} effects, {sum(wanted.values())} kobo, 0 too many")


def test_w4_what_is_not_genuine_leaves_a_count_and_nothing_else(shop: Shop, figure: Callable[[str], None]) -> None:
    before = rows_of_all_tables(shop)
    refusals = shop.measured("payments_webhooks_total", outcome="refused")
    for wrong, (body, signature) in forged(shop.secret).items():
        headers = [(SENDER.encode(), signature.encode())] if signature else []
        answer = shop.web.post(shop.webhooks, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGNATURE_INVALID"), wrong
    count = len(forged(shop.secret))
    assert shop.measured("payments_webhooks_total", outcome="refused") == refusals + count
    assert rows_of_all_tables(shop) == before
    figure(f"W4: {count} forgeries, {count} answered with 401, 0 rows changed")


def outcome(shop: Shop, natural_id: str) -> str:
    """What came of the one webhook about something; empty while it waits."""
    rows = shop.rows("SELECT outcome FROM payments.webhookevent WHERE natural_id = %s", natural_id)
    return rows[0][0] if rows else ""


def test_w5_what_is_signed_and_contradicts_is_quarantined_and_never_applied(
    shop: Shop, figure: Callable[[str], None]
) -> None:
    before = shop.balances()
    alarms = {what: shop.measured("payments_quarantined_total", what=what) for what in ("payment", "webhook")}
    for field in ("amount", "currency"):
        for _ in range(5):
            shop.faults({"call": "webhook", "fault": "lie", "field": field})
            bill = shop.bill()
            reference = shop.pay(bill)
            until(partial(outcome, shop, reference))
            found = shop.rows("SELECT status, reason FROM payments.payments WHERE reference = %s", reference)
            assert (found[0][0], shop.status(bill)) == ("quarantined", "open")
            assert f"signed {field}" in found[0][1]
    for _ in range(5):
        shop.faults({"call": "webhook", "fault": "lie", "field": "reference"})
        strange = f"{shop.pay(shop.bill())}.x"
        until(partial(outcome, shop, strange))
        assert outcome(shop, strange) == "quarantined"
    assert shop.measured("payments_quarantined_total", what="payment") == alarms["payment"] + 10
    assert shop.measured("payments_quarantined_total", what="webhook") == alarms["webhook"] + 5
    applied = shop.rows(
        "SELECT count(*) FROM payments.ledger_entries e JOIN payments.payments p ON p.id = e.payment_id "
        "WHERE p.status = 'quarantined'"
    )
    assert applied == [(0,)]
    assert shop.balances() == before
    figure("W5: 15 lies (5 amounts, 5 currencies, 5 references), 15 quarantined, 0 applied")


def test_w6_with_every_webhook_dropped_reconciliation_settles_all(shop: Shop, figure: Callable[[str], None]) -> None:
    shop.faults({"call": "webhook", "fault": "drop"})
    bills = [shop.bill() for _ in range(50)]
    references = [shop.pay(bill) for bill in bills]
    began = time.monotonic()
    until(lambda: settled(shop, references) == len(bills), FIRST_CHECK_SECONDS + 30)
    seconds = time.monotonic() - began
    until(lambda: paid(shop, bills) == len(bills))
    assert shop.rows("SELECT count(*) FROM payments.webhookevent WHERE natural_id = ANY(%s)", references) == [(0,)]
    figure(f"W6: 0 of 50 webhooks came, {paid(shop, bills)} of 50 settled {seconds:.1f} s after the last was paid")


@pytest.mark.parametrize("how", ["failing", "hanging"])
def test_d2_the_pay_page_goes_on_while_the_provider_is_down(
    shop: Shop, how: str, figure: Callable[[str], None]
) -> None:
    fault = {"fault": "http_5xx"} if how == "failing" else {"fault": "timeout", "seconds": 30}
    bills = [shop.bill() for _ in range(8)]
    waits = shop.pay(shop.bill())  # whatever has come is settled before the provider is away
    until(lambda: shop.rows("SELECT 1 FROM payments.payments WHERE reference = %s AND status = 'succeeded'", waits))
    shop.faults(*({"call": call} | fault for call in ("initialize", "verify", "charge_create")))
    with ThreadPoolExecutor(5) as together:
        first = list(together.map(lambda bill: shop.web.post(f"{bill.page}/pay").status_code, bills[:5]))
    assert set(first) <= {503}
    assert shop.measured("payments_provider_circuit_state") == 2
    times, answers = [], {"page": 0, "refused": 0, "claimed": 0, "made": 0}
    for bill in bills[5:]:
        began = time.perf_counter()
        refused = shop.web.post(f"{bill.page}/pay")
        times.append(time.perf_counter() - began)
        assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (503, True)
        answers["refused"] += 1
        assert shop.web.get(bill.page).status_code == 200
        answers["page"] += 1
        assert shop.web.post(f"{bill.page}/transfer-sent").status_code == 303
        answers["claimed"] += 1
        assert shop.status(shop.bill()) == "open"
        answers["made"] += 1
    assert statistics.median(times) < 1
    shop.faults()
    seconds = until(lambda: shop.web.post(f"{bills[0].page}/pay").status_code == 303, PAUSE + 15)
    until(lambda: shop.measured("payments_provider_circuit_state") == 0)
    figure(
        f"D2, {how}: {answers['refused']} payers told in {statistics.median(times) * 1000:.0f} ms (median); "
        f"{answers['page']} pay pages, {answers['claimed']} claims of a transfer and {answers['made']} new invoices "
        f"served meanwhile; checkouts again {seconds:.1f} s after the provider"
    )
