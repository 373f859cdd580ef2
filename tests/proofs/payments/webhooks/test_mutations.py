"""10,000 mutated webhooks and provider's answers (T5): none ends in an exception, none has an effect that is not true.

What counts as true is what the provider believes: who has not paid there has not paid here, and who has, has paid so
much. Of an answer that can be read, its fees are the provider's word: nothing else says what they are.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from integration.payments.transfers.test_transfers import start as transfer
from integration.payments.transfers.test_virtual_accounts import create
from sqlalchemy import func, select, update
from support.keys import Keyring
from support.mutations import Mutator
from support.payments.parts import SECRET_KEY
from support.payments.stage import Stage, staged
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.clients import ProviderError, ProviderRefusal, ReferenceTaken
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.clients.paystack_refunds import PaystackRefunds
from whatsinvoice_payments.domain.bank_account import BankAccount
from whatsinvoice_payments.domain.payment import Payable, Payment
from whatsinvoice_payments.domain.refund import Refund
from whatsinvoice_payments.domain.webhook import StoredEvent, signature_of
from whatsinvoice_payments.models import LEDGER_ENTRIES, PAYMENTS, WEBHOOK_EVENTS
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.service.charge_webhooks import ChargeWebhooks
from whatsinvoice_payments.service.webhooks import NotYet

WEBHOOKS, ANSWERS, SETTLED = 5_000, 4_000, 1_000
DUE = 7_500_000
HEADERS = {"authorization": f"Bearer {SECRET_KEY}"}
OTHERS = (
    {"event": "transfer.success", "data": {"transfer_code": "TRF_1", "amount": DUE, "recipient": {"details": {}}}},
    {"event": "paymentrequest.success", "data": {"request_code": "PRQ_1", "paid": True, "notifications": []}},
    {"event": "subscription.expiring_cards", "data": [{"expiry_date": "12/2026"}]},
    {"event": "invoice.update", "data": {"invoice_code": "INV_1", "transaction": {"reference": "r", "amount": DUE}}},
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(apart: Any, keyring: Keyring) -> AsyncIterator[Stage]:
    """What is not settled at the first try waits for an hour: each mutation is tried once."""
    quiet: dict[str, Any] = {"webhook_retry_seconds": 3600, "reconcile_seconds": 3600}
    async with staged(apart.backing, keyring, apart.sandbox_url, apart.door, **quiet) as stage:
        await stage.no_faults()
        yield stage


async def true_webhooks(stage: Stage, door: Any, unpaid: list[str]) -> list[bytes]:
    """One of every event that the provider sends, and some of others; of those who have not paid a claimed success."""
    sent: list[bytes] = []

    def forward(body: bytes, _: str) -> int:
        sent.append(body)
        return 200

    before, door.forward = door.forward, forward
    try:
        await _everything_happens(stage)
        async with asyncio.timeout(10):
            while len({json.loads(body)["event"] for body in sent}) < 14:  # noqa: ASYNC110  (another process sends them)
                await asyncio.sleep(0.05)
    finally:
        door.forward = before
    claims = [await stage.charge_success(reference, status="success") for reference in unpaid]
    return sent + claims + [json.dumps(body).encode() for body in OTHERS]


async def _everything_happens(stage: Stage) -> None:
    async def control(path: str, **body: Any) -> Any:
        answer = await stage.sandbox.post(f"/_control/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    for card in ("", "4084080000671803", "4084080000671902"):
        checkout = await stage.start(stage.invoices.bill())
        await stage.pay(checkout, card=card)
        body = {"transaction": checkout.reference, "amount": 100_000}
        assert (await stage.sandbox.post("/paystack/refund", json=body, headers=HEADERS)).is_success
    disputed = await stage.start(stage.invoices.bill())
    await stage.pay(disputed)
    dispute = (await control("disputes", reference=disputed.reference))["id"]
    await control(f"disputes/{dispute}", remind=True)
    await control(f"disputes/{dispute}", resolution="declined")
    token = stage.invoices.bill()
    await stage.known(token)
    await stage.transfer((await create(stage, token)).account_number, 2_500_000)
    await stage.transfer((await transfer(stage, stage.invoices.bill())).account.account_number, 1)
    person = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Obi", "phone": "+2348012345678"}
    for bvn in ("22222222222", "1"):
        body = {**person, "preferred_bank": "wema-bank", "country": "NG", "bvn": bvn}
        await stage.sandbox.post("/paystack/dedicated_account/assign", json=body, headers=HEADERS)


async def deliver_all(stage: Stage, bodies: list[bytes]) -> Counter[str]:
    """Through the front door of the service, signed; what became of each."""
    service = stage.process._parts.servicer._webhooks  # type: ignore[attr-defined]  # noqa: SLF001  (as gRPC reaches it)
    outcomes: Counter[str] = Counter()
    for start in range(0, len(bodies), 100):
        async with stage.process.unit_of_work.begin() as tx:
            for body in bodies[start : start + 100]:
                try:
                    await service.store(tx, service.read(body, signature_of(SECRET_KEY, body)))
                except ServiceError as error:
                    outcomes[error.reason] += 1
                else:
                    outcomes["stored"] += 1
    return outcomes


async def all_tried(stage: Stage) -> None:
    untried = select(func.count().label("n")).where(
        WEBHOOK_EVENTS.c.processed_at.is_(None), WEBHOOK_EVENTS.c.error == ""
    )
    async with asyncio.timeout(100):
        while (await stage.rows(untried))[0]["n"]:  # noqa: ASYNC110  (the worker does it)
            await asyncio.sleep(0.2)


async def effects_that_are_not_true(stage: Stage) -> list[str]:
    """Payments that succeeded here and not there, or with another amount; more that went back than there; entries of
    what did not succeed.
    """
    charges = (await stage.sandbox.get("/_control/ledger")).json()["charges"]
    truth = {charge["reference"]: charge["amount"] for charge in charges}
    back = {charge["reference"]: charge["refunded_amount"] + charge["disputed_amount"] for charge in charges}
    wrong = []
    rows = await stage.rows(select(PAYMENTS).where(PAYMENTS.c.provider == "paystack"))
    counted = select(LEDGER_ENTRIES.c.payment_id, func.sum(LEDGER_ENTRIES.c.amount_minor).label("sum"))
    receivable = func.sum(LEDGER_ENTRIES.c.amount_minor).filter(LEDGER_ENTRIES.c.account == "receivable")
    sums = await stage.rows(counted.add_columns(receivable.label("due")).group_by(LEDGER_ENTRIES.c.payment_id))
    entries = {row["payment_id"]: (int(row["sum"]), int(row["due"] or 0)) for row in sums}
    for row in rows:
        succeeded = row["status"] in {"succeeded", "reversed"}
        left = (row["settled_minor"] or 0) - row["refunded_minor"]
        if succeeded and truth.get(row["reference"]) != row["paid_minor"]:
            wrong.append(f"{row['reference']} succeeded with {row['paid_minor']}, {truth.get(row['reference'])} there")
        if row["refunded_minor"] > back.get(row["reference"], 0):
            wrong.append(f"{row['reference']} has {row['refunded_minor']} back, {back.get(row['reference'])} there")
        if succeeded and entries.get(row["id"]) != (0, -left):
            wrong.append(f"{row['reference']} has entries of {entries.get(row['id'])}")
        if row["status"] in {"pending", "initialized", "quarantined", "failed", "abandoned"} and row["id"] in entries:
            wrong.append(f"{row['reference']} is {row['status']} and has entries")
    return wrong


async def test_mutated_webhooks(stage: Stage, apart: Any, figure: Callable[[str], None]) -> None:
    unpaid = [(await stage.start(stage.invoices.bill())).reference for _ in range(5)]
    true = await true_webhooks(stage, apart.door, unpaid)
    mutator = Mutator(5)
    outcomes = await deliver_all(stage, [mutator.body(mutator.choice(true)) for _ in range(WEBHOOKS)])
    await all_tried(stage)
    failed = await stage.rows(
        select(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.processed_at.is_(None), ~WEBHOOK_EVENTS.c.error.contains(" "))
    )
    assert [(row["error"], bytes(row["body"])[:500]) for row in failed] == [], "an exception leaves its name"
    assert await effects_that_are_not_true(stage) == []
    for reference in unpaid:
        [row] = await stage.rows(select(PAYMENTS).where(PAYMENTS.c.reference == reference))
        assert row["status"] != "succeeded"
    came = await stage.rows(select(PAYMENTS).where(PAYMENTS.c.status == "succeeded"))
    assert came, "some mutations say nothing wrong of a charge"
    events = len({json.loads(body)["event"] for body in true})
    stored, refused = outcomes.pop("stored"), outcomes.pop("BODY_MALFORMED")
    assert not outcomes, "nothing else is said of a genuine body"
    figure(
        f"{WEBHOOKS} mutations of {len(true)} webhooks of {events} events: {stored} stored, {refused} refused, "
        f"{len(came)} payments settled by them, 0 unhandled exceptions, 0 wrong effects"
    )


class World:
    """What the client hears: for each path its true answer, mutated."""

    def __init__(self, mutator: Mutator) -> None:
        self._mutator = mutator
        self.true: dict[str, bytes] = {}
        self.status = 200

    def answer(self, request: httpx.Request) -> httpx.Response:
        status = self._mutator.choice([self.status] * 8 + [201, 204, 302, 400, 401, 404, 422, 500, 503])
        body = self.true[f"{request.method} {request.url.path}"]
        return httpx.Response(status, content=self._mutator.body(body))

    def facing(self) -> Paystack:
        paystack = Paystack("http://provider.test", SECRET_KEY, failures=10**9)
        transport = httpx.MockTransport(self.answer)
        paystack._client = httpx.AsyncClient(base_url="http://provider.test", transport=transport)  # noqa: SLF001  (its edge)
        return paystack


async def _record(stage: Stage, world: World, method: str, path: str, **how: Any) -> Any:
    """Keeps the provider's true answer."""
    answer = await stage.sandbox.request(method, f"/paystack{path}", headers=HEADERS, **how)
    assert answer.is_success, answer.text
    world.true[f"{method} {path}"] = answer.content
    return answer.json()["data"]


async def every_call(stage: Stage, world: World, paystack: Paystack) -> list[Callable[[], Awaitable[Any]]]:
    """Each call that the client makes, its true answer known to the world."""
    banking, account = PaystackBanking(paystack), BankAccount("058", "GTB", "0123456789", "ADA")
    reference = new_id("who").replace("_", "-")
    email, money = {"email": "a@example.com"}, {"amount": DUE, "currency": "NGN"}
    begin = {"reference": reference, **email, **money}
    await _record(stage, world, "POST", "/transaction/initialize", json=begin)
    await _record(stage, world, "GET", f"/transaction/verify/{reference}")
    await _record(stage, world, "GET", "/transaction", params={"use_cursor": "true"})
    await _record(stage, world, "GET", "/bank", params={"currency": "NGN"})
    await _record(stage, world, "GET", "/bank/resolve", params={"account_number": "0123456789", "bank_code": "058"})
    made = {"business_name": "Ada", "settlement_bank": "058", "account_number": "0123456789", "percentage_charge": 0}
    code = (await _record(stage, world, "POST", "/subaccount", json=made))["subaccount_code"]
    await _record(stage, world, "PUT", f"/subaccount/{code}", json=made)
    customer = await _record(stage, world, "POST", "/customer", json={**email, "first_name": "A", "last_name": "B"})
    await _record(stage, world, "POST", "/dedicated_account", json={"customer": customer["customer_code"]})
    await _record(stage, world, "GET", "/dedicated_account", params={"customer": customer["id"]})
    by_transfer = {**begin, "reference": f"{reference}-2", "bank_transfer": {}}
    await _record(stage, world, "POST", "/charge", json=by_transfer)
    attempt = an_attempt(f"{reference}-2")
    return [
        lambda: paystack.initialize(
            reference=reference, amount_minor=DUE, currency="NGN", email="a@example.com", callback_url="",
            invoice_id="inv_1", subaccount="",
        ),
        lambda: paystack.verify(reference),
        lambda: paystack.transactions_page(now(), now(), ""),
        lambda: banking.list_banks("NGN"),
        lambda: banking.resolve("058", "0123456789"),
        lambda: banking.create_subaccount("Ada", account),
        lambda: banking.update_subaccount(code, "Ada", account),
        lambda: banking.virtual_account(email="a@example.com", name="Ada", currency="NGN", subaccount=""),
        lambda: banking.charge_by_transfer(attempt, email="a@example.com", expires_at=now()),
    ]  # fmt: skip


async def calls_about_money_back(
    stage: Stage, world: World, refunds: PaystackRefunds, disputes: PaystackDisputes
) -> list[Callable[[], Awaitable[Any]]]:
    """Those about refunds and disputes, of a charge that has one of each."""
    checkout = await stage.start(stage.invoices.bill(DUE))
    await stage.pay(checkout, card="4084080000671902")
    provider = Paystack(f"{stage.sandbox.base_url}/paystack", SECRET_KEY)
    charge = await provider.verify(checkout.reference)
    await provider.close()
    assert charge is not None
    wanted = Refund.of(an_attempt(checkout.reference), 100_000, "", now())
    body = {"transaction": checkout.reference, "amount": 100_000, "merchant_note": wanted.id}
    await _record(stage, world, "POST", "/refund", json=body)
    await _record(stage, world, "GET", "/refund", params={"transaction": charge.transaction_id})
    opened = await stage.sandbox.post("/_control/disputes", json={"reference": checkout.reference})
    dispute_id = str(opened.raise_for_status().json()["id"])
    await _record(stage, world, "GET", "/dispute", params={"transaction": charge.transaction_id})
    await _record(stage, world, "GET", f"/dispute/{dispute_id}")
    answer = {"resolution": "merchant-accepted", "message": "m", "refund_amount": DUE - 100_000}
    answer |= {"uploaded_filename": "f.pdf"}
    await _record(stage, world, "PUT", f"/dispute/{dispute_id}/resolve", json=answer)
    return [
        lambda: refunds.create(checkout.reference, wanted),
        lambda: refunds.all_of(charge),
        lambda: disputes.all_of(charge),
        lambda: disputes.reference_of(dispute_id),
        lambda: disputes.accept(dispute_id, DUE, "m"),
    ]


def an_attempt(reference: str) -> Payment:
    payable = Payable(new_id("biz"), new_id("inv"), DUE, "NGN", "", "https://pay.example")
    attempt = Payment.attempt(payable, 1, now(), None)
    attempt.reference = reference
    attempt.offer("https://checkout.example", "x")
    return attempt


async def test_mutated_answers_to_every_call(
    stage: Stage, figure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_payments.clients.paystack_http.PAUSE_SECONDS", 0)
    mutator = Mutator(6)
    world = World(mutator)
    paystack = world.facing()
    disputes = PaystackDisputes(paystack)
    calls = await every_call(stage, world, paystack)
    calls += await calls_about_money_back(stage, world, PaystackRefunds(paystack), disputes)
    outcomes: Counter[str] = Counter()
    for number in range(ANSWERS):
        try:
            await calls[number % len(calls)]()
        except (ProviderError, ProviderRefusal, ReferenceTaken) as error:
            outcomes[type(error).__name__.strip("_")] += 1
        else:
            outcomes["read"] += 1
    await paystack.close()
    await disputes.close()
    figure(f"{ANSWERS} mutated answers to {len(calls)} calls: {dict(outcomes.most_common())}, 0 unhandled exceptions")


async def test_mutated_answers_about_money_that_came(stage: Stage, figure: Callable[[str], None]) -> None:
    """A true webhook, and a mutated answer when the provider is asked whether it is true."""
    token = stage.invoices.bill(DUE)
    await stage.fault("webhook", "drop")
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.no_faults()
    true = json.dumps(await stage.verified(checkout.reference))
    mutator = Mutator(7)
    world = World(mutator)
    paystack = world.facing()
    deposits: Any = None  # a card has paid
    money_back: Any = None  # nor does any mutation say that it went back
    charges = ChargeWebhooks(stage.process.unit_of_work, paystack, deposits, money_back)
    attempts = [an_attempt(f"{new_id('who').removeprefix('who_')}.1") for _ in range(SETTLED)]
    outcomes: Counter[str] = Counter()
    async with stage.process.unit_of_work.begin() as tx:
        for attempt in attempts:
            await payment_rows.add_payment(tx, attempt)
    for attempt in attempts:
        data = true.replace(checkout.reference, attempt.reference)
        answer = f'{{"status": true, "message": "Verification successful", "data": {data}}}'
        world.true[f"GET /transaction/verify/{attempt.reference}"] = answer.encode()
        told = f'{{"event": "charge.success", "data": {data}}}'.encode()
        try:
            outcome = await charges.apply(StoredEvent(new_id("whe"), "charge.success", told, 1, now()))
            outcomes[outcome.word] += 1
        except (NotYet, ProviderError):
            outcomes["later"] += 1
    await paystack.close()
    ours = [attempt.reference for attempt in attempts]
    rows = await stage.rows(select(PAYMENTS).where(PAYMENTS.c.reference.in_(ours)))
    counted = {(row["settled_minor"], row["paid_minor"]) for row in rows if row["status"] == "succeeded"}
    assert counted == {(DUE, DUE)}, "what succeeded did so with what was really paid"
    entries = select(LEDGER_ENTRIES.c.payment_id, func.sum(LEDGER_ENTRIES.c.amount_minor).label("sum")).where(
        LEDGER_ENTRIES.c.account == "receivable",
        LEDGER_ENTRIES.c.payment_id.in_([attempt.id for attempt in attempts]),
    )
    sums = {
        row["payment_id"]: int(row["sum"]) for row in await stage.rows(entries.group_by(LEDGER_ENTRIES.c.payment_id))
    }
    assert sums == {row["id"]: -DUE for row in rows if row["status"] == "succeeded"}
    async with stage.process.unit_of_work.begin() as tx:  # the sandbox knows nothing of them
        await tx.execute(update(PAYMENTS).where(PAYMENTS.c.reference.in_(ours)).values(provider="test"))
    figure(f"{SETTLED} mutated answers about money that came: {dict(outcomes.most_common())}, 0 wrong effects")
