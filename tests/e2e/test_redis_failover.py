"""A whole stack on Sentinels and on a cluster: a master is killed while invoices are paid, and each is paid once."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import psycopg
import pytest
from support.redis_servers import Redises
from whatsinvoice_kit.data.provision import DATABASE
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.parts import SERVICES
from whatsinvoice_local.stack import Stack

pytestmark = pytest.mark.slow
PRICE = 150_000
PAYERS = 4
EACH = 40
"""Invoices of one merchant: WhatsApp takes 45 notices to one phone at once, and then one in six seconds."""
UNLIMITED = {f"GATEWAY_{kind}_QUOTA": "1000000/minute" for kind in ("READ", "WRITE")} | {
    f"GATEWAY_{kind}_LIMIT": "1000/minute" for kind in ("REGISTER", "VERIFY", "LOGIN")
}


class Payers:
    """Customers with a phone each, who are sent an invoice and pay it through the provider's checkout."""

    def __init__(self, stack: Stack, count: int) -> None:
        env = stack.state.env
        self.env = env
        self.count = count
        self.repeated: list[str] = []
        self.database = env["DATABASE_URL"].rpartition("/")[0] + "/" + DATABASE
        """All services' tables, as the superuser, whom no row security holds."""
        first = secrets.randbelow(9 * 10**6)
        self.phones = [f"+234803{first + number:07d}" for number in range(count)]
        self.sandbox = httpx.Client(base_url=env["SANDBOX_URL"], trust_env=False, timeout=20)
        folder = stack.state.folder
        self.merchants = [Story(env["GATEWAY_URL"], env["SANDBOX_URL"], folder) for _ in range(0, count, EACH)]
        for story in self.merchants:
            for step in (story.register, story.receive_code, story.log_in):
                story.deadline = time.monotonic() + 30
                step()
        self.gateway = httpx.Client(base_url=env["GATEWAY_URL"], trust_env=False, timeout=20)

    def as_merchant(self, number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.merchants[number].token}"}

    def pay(self, number: int) -> None:
        """As a program does it: what a busy machine did not answer in time is asked again, with the same key."""
        line = {"description": "logo design", "quantity": "1", "unit_price_minor": PRICE}
        body = {"customer": {"name": "Jane", "phone": self.phones[number]}, "lines": [line], "issue": True}
        headers = self.as_merchant(number // EACH) | {"Idempotency-Key": secrets.token_hex(16)}
        created = self._asked("/v1/invoices", json=body, headers=headers)
        assert created.status_code == 201, created.text
        checkout = self._asked(created.json()["public_url"] + "/pay")
        assert checkout.status_code == 303, checkout.text
        code = checkout.headers["Location"].rpartition("/")[2]
        paid = self.sandbox.post(f"/_control/checkouts/{code}", json={"outcome": "success", "channel": "card"})
        assert paid.is_success, paid.text

    def _asked(self, path: str, **options: Any) -> httpx.Response:
        for _ in range(3):
            answer = self.gateway.post(path, **options)
            if answer.status_code not in {503, 504}:
                break
            self.repeated.append(answer.text)
        return answer

    def paid(self) -> int:
        with psycopg.connect(self.database) as connection:
            [count] = connection.execute("SELECT count(*) FROM invoices.invoices WHERE status = 'paid'").fetchone() or [
                0
            ]
        return int(count)

    def receipts(self, phones: Iterable[str]) -> Counter[str]:
        """Phone -> receipts on it."""
        found: Counter[str] = Counter()
        for phone in phones:
            messages = self.sandbox.get(f"/_control/phones/{phone}/messages", params={"after": 0}).json()["messages"]
            found[phone] = sum("/r/" in json.dumps(message) for message in messages)
        return found

    def await_receipts(self) -> Counter[str]:
        """All of them, and those that came twice; fails when no more come."""
        without, growth = list(self.phones), time.monotonic()
        while without:
            time.sleep(1)
            found = self.receipts(without)
            if any(found.values()):
                growth = time.monotonic()
            without = [phone for phone in without if not found[phone]]
            assert time.monotonic() - growth < 90, f"{len(without)} of {self.count} have no receipt, and no more come"
        time.sleep(2)  # for one that comes twice
        return self.receipts(self.phones)

    def republished(self) -> int:
        """Events that relays have published again."""
        pages = [httpx.get(f"{self.env[f'{name.upper()}_OPS_URL']}/metrics", trust_env=False).text for name in SERVICES]
        lines = [line for page in pages for line in page.splitlines()]
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("outbox_republished_total{"))

    def charges(self) -> list[int]:
        return [charge["amount"] for charge in self.sandbox.get("/_control/ledger").json()["charges"]]

    def books(self) -> Counter[str]:
        """Account -> balance over all merchants."""
        found: Counter[str] = Counter()
        for number in range(len(self.merchants)):
            accounts = self.gateway.get("/v1/balance", headers=self.as_merchant(number)).json()["accounts"]
            found.update({account["account"]: account["balance_minor"] for account in accounts})
        return found

    def close(self) -> None:
        for close in (self.gateway.close, self.sandbox.close, *(story.close for story in self.merchants)):
            close()


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
    payers = Payers(stack, count)
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
    assert (lost, twice, payers.paid()) == (0, 0, count)
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
    payers.close()


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
