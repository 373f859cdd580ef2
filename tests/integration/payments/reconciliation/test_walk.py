"""The walk over the provider's list: what nobody told of is found, what differs is told until it does no more."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from integration.payments.transfers.test_virtual_accounts import create
from prometheus_client import REGISTRY
from sqlalchemy import select, update
from support.keys import Keyring
from support.payments.parts import SECRET_KEY
from support.payments.stage import Stage, eventually, staged
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.__main__ import SPEC
from whatsinvoice_payments.clients import paystack as paystack_module
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.domain.walk import DAY, Page, Walk, days_to_walk
from whatsinvoice_payments.domain.walk import Stage as Part
from whatsinvoice_payments.models import PAYMENTS, WALK_DIFFERENCES, WALK_SIGHTINGS, WALKS
from whatsinvoice_payments.service.walk import WalkService

HEADERS = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(apart: Any, keyring: Keyring) -> AsyncIterator[Stage]:
    """Payments with books and a provider of this module alone; the walk's job is not due before tomorrow."""
    async with staged(apart.backing, keyring, apart.sandbox_url, apart.door) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(running: Stage) -> Stage:
    await running.no_faults()
    return running


async def walk(stage: Stage, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """`walk` with these words: its exit status and what it prints."""
    parser = argparse.ArgumentParser()
    SPEC.commands["walk"].add_arguments(parser)
    status = await SPEC.commands["walk"].run(stage.process._settings, parser.parse_args(words))  # noqa: SLF001  (the same)
    printed = capsys.readouterr()
    return status, printed.out + printed.err


@pytest.fixture
def walked(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """Walks today, and gives the differences as reference -> kind, ours, theirs."""

    async def differences() -> dict[str, tuple[str, int | None, int | None]]:
        status, printed = await walk(stage, capsys, "--now", "--day", str(today()))
        rows = await stage.rows(select(WALK_DIFFERENCES).where(WALK_DIFFERENCES.c.status == "open"))
        assert status == (1 if rows else 0), printed
        assert all(row["reference"] in printed for row in rows)
        return {row["reference"]: (row["kind"], row["ours_minor"], row["theirs_minor"]) for row in rows}

    return differences


def today() -> date:
    return datetime.now(UTC).date()


async def change(stage: Stage, of: str, /, **values: object) -> None:
    statement = update(PAYMENTS).where(PAYMENTS.c.reference == of)
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(statement.values(**values))


async def abandoned(stage: Stage) -> tuple[str, Any]:
    """An attempt about which nobody asks any more, and its checkout."""
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await change(stage, checkout.reference, status="abandoned", next_check_at=None)
    return token, checkout


async def test_with_every_webhook_dropped_the_walk_finds_what_reconciliation_cannot(
    stage: Stage, walked: Callable[[], Any], figure: Callable[[str], None]
) -> None:
    await stage.fault("webhook", "drop")
    attempts = [await abandoned(stage) for _ in range(20)]
    for _, checkout in attempts:
        await stage.pay(checkout)
    accounts = []
    for _ in range(5):
        token = stage.invoices.bill()
        await stage.known(token)
        accounts.append(token)
        assert await stage.transfer((await create(stage, token)).account_number, 2_500_000) == 201
    assert await walked() == {}
    for token, _ in attempts:
        await stage.becomes(token, "succeeded")
        assert len(await stage.told(token)) == 1
    for token in accounts:
        await stage.becomes(token, "succeeded")
        assert (await stage.ledger(token))["receivable"] == -2_500_000
    theirs = (await stage.sandbox.get("/_control/ledger")).json()["charges"]
    ours = await stage.rows(select(PAYMENTS).where(PAYMENTS.c.status == "succeeded"))
    assert {(row["reference"], row["paid_minor"]) for row in ours} == {(c["reference"], c["amount"]) for c in theirs}
    assert await walked() == {}, "a second walk changes nothing"
    assert sum([len(await stage.told(token)) for token, _ in attempts]) == 20
    figure("0 of 25 webhooks came: the walk settled 20 attempts beyond their last check and 5 transfers, 0 differences")


async def test_money_that_is_nobodys_is_quarantined_once_and_told_until_it_is_known(
    stage: Stage, walked: Callable[[], Any]
) -> None:
    reference = new_id("who").replace("_", "-")
    body = {"email": "a@example.com", "amount": 7_500_000, "reference": reference}
    answer = await stage.sandbox.post("/paystack/transaction/initialize", json=body, headers=HEADERS)
    await stage.fault("webhook", "drop")
    code = answer.json()["data"]["access_code"]
    await stage.sandbox.post(f"/_control/checkouts/{code}", json={"outcome": "success"})
    before = REGISTRY.get_sample_value("payments_quarantined_total", {"what": "reference"}) or 0
    for _ in range(2):
        assert await walked() == {reference: ("unknown_money", None, 7_500_000)}
        assert REGISTRY.get_sample_value("payments_walk_differences", {"kind": "unknown_money"}) == 1
    assert REGISTRY.get_sample_value("payments_quarantined_total", {"what": "reference"}) == before + 1
    token, checkout = await abandoned(stage)  # it becomes known, as when somebody has mended our rows
    await change(stage, checkout.reference, reference=reference)
    assert await walked() == {}
    await stage.becomes(token, "succeeded")
    [row] = await stage.rows(select(WALK_DIFFERENCES).where(WALK_DIFFERENCES.c.reference == reference))
    assert row["status"] == "resolved"
    assert row["resolved_at"] > row["created_at"]
    assert REGISTRY.get_sample_value("payments_walk_differences", {"kind": "unknown_money"}) == 0


async def test_other_amounts_and_what_the_provider_lacks_are_told(stage: Stage, walked: Callable[[], Any]) -> None:
    paid = []
    for _ in range(3):
        token = stage.invoices.bill()
        checkout = await stage.start(token)
        await stage.pay(checkout)
        await stage.becomes(token, "succeeded")
        paid.append(checkout.reference)
    amount, currency, gone = paid
    await change(stage, amount, paid_minor=7_000_000)
    await change(stage, currency, currency="GHS")
    await change(stage, gone, reference=f"{gone}.gone")
    found = await walked()
    assert found == {
        amount: ("amount_differs", 7_000_000, 7_500_000),
        currency: ("amount_differs", 7_500_000, 7_500_000),
        gone: ("unknown_money", None, 7_500_000),
        f"{gone}.gone": ("missing_at_provider", 7_500_000, None),
    }
    await change(stage, amount, paid_minor=7_500_000)
    await change(stage, currency, currency="NGN")
    await change(stage, f"{gone}.gone", reference=gone)
    assert await walked() == {}


async def test_what_was_made_on_another_day_at_the_provider_is_not_missing(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our day and theirs differ by a second around midnight: then the provider is asked about that one."""
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    yesterday = str(today() - DAY)
    await change(stage, checkout.reference, created_at=now() - DAY)
    assert await walk(stage, capsys, "--now", "--day", yesterday) == (0, "no differences\n")


async def test_what_the_provider_says_of_one_is_believed_before_its_list_and_compared_with_it(
    stage: Stage, walked: Callable[[], Any]
) -> None:
    told = {}
    for field in ("currency", "amount"):
        token, checkout = await abandoned(stage)
        await stage.fault("webhook", "drop")
        await stage.pay(checkout)
        await stage.fault("verify", "lie", field=field)
        told[field] = token, checkout.reference, await walked()
    token, _, found = told["currency"]
    assert (await stage.statuses(token), await stage.ledger(token), found) == (["quarantined"], {}, {})
    token, reference, found = told["amount"]
    assert await stage.statuses(token) == ["succeeded"], "asked, it says that half was paid"
    assert found == {reference: ("amount_differs", 3_750_000, 7_500_000)}
    await change(stage, reference, paid_minor=7_500_000)
    await stage.no_faults()
    assert await walked() == {}


class Broken(Exception):  # noqa: N818  (a process that dies, in this test)
    """The end of a process."""


async def test_money_that_went_back_unheard_of_is_brought_in_line_and_no_difference(
    stage: Stage, walked: Callable[[], Any]
) -> None:
    token = stage.invoices.bill(3_000_000)
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    await stage.fault("webhook", "drop")
    refund = {"transaction": checkout.reference, "amount": 3_000_000}
    assert (await stage.sandbox.post("/paystack/refund", json=refund, headers=HEADERS)).is_success

    async def gone() -> bool:
        return str((await stage.verified(checkout.reference))["status"]) == "reversed"

    await eventually(gone, lambda: stage.verified(checkout.reference))
    assert await walked() == {}
    await stage.becomes(token, "reversed")
    books = await stage.ledger(token)
    assert (books["receivable"], books["refunds"]) == (-3_000_000, 3_000_000), "the invoice stays paid"


class Dying(Paystack):
    """Its process dies when it has read so many pages."""

    def __init__(self, *given: Any, pages: int) -> None:
        super().__init__(*given)
        self.left = pages
        self.cursors: list[str] = []

    async def transactions_page(self, since: datetime, until: datetime, cursor: str, *, every: bool = False) -> Page:
        if not self.left:
            raise Broken
        self.left -= 1
        self.cursors.append(cursor)
        return await super().transactions_page(since, until, cursor, every=every)


def service_of(stage: Stage, paystack: Paystack) -> WalkService:
    deposits: Any = None  # no transfer is among what it walks over
    money_back: Any = None  # nor anything that went back
    return WalkService(stage.process.unit_of_work, paystack, deposits, money_back, 1)


async def forget_walks(stage: Stage) -> None:
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(WALKS.delete())


async def test_a_walk_that_was_broken_off_goes_on_where_it_was(
    stage: Stage, apart: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paystack_module, "PER_PAGE", 7)
    await forget_walks(stage)
    account = (f"{apart.sandbox_url}/paystack", SECRET_KEY)
    dying = Dying(*account, pages=2)
    with pytest.raises(Broken):
        await service_of(stage, dying).walk_day(today())
    await dying.close()
    [row] = await stage.rows(select(WALKS))
    assert (row["seen"], row["stage"], row["finished_at"]) == (14, "theirs", None)
    after = Dying(*account, pages=1000)
    while await service_of(stage, after).work():
        """It is due at once, before any other day."""
    await after.close()
    assert dying.cursors[0] == ""
    assert after.cursors[0] == row["cursor"] != ""
    [row] = await stage.rows(select(WALKS))
    theirs = (await stage.sandbox.get("/_control/ledger")).json()["charges"]
    assert row["seen"] == len([charge for charge in theirs if charge["status"] == "success"]) > 20
    assert row["finished_at"] is not None
    assert row["next_at"] == row["finished_at"] + timedelta(days=1)
    assert await stage.rows(select(WALK_SIGHTINGS)) == []


async def test_a_cursor_that_the_provider_has_forgotten_begins_the_list_anew(
    stage: Stage, apart: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paystack_module, "PER_PAGE", 7)
    account = (f"{apart.sandbox_url}/paystack", SECRET_KEY)
    dying = Dying(*account, pages=1)
    with pytest.raises(Broken):
        await service_of(stage, dying).walk_day(today())
    await dying.close()
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(update(WALKS).values(cursor="stale"))
    after = Dying(*account, pages=1000)
    while await service_of(stage, after).work():
        """It is due."""
    await after.close()
    assert after.cursors[:2] == ["stale", ""]
    [row] = await stage.rows(select(WALKS))
    assert row["finished_at"] is not None
    assert row["seen"] > 20


async def test_the_job_walks_each_day_in_its_time_and_waits_for_a_provider_that_is_away(
    stage: Stage, apart: Any, keyring: Keyring
) -> None:
    await forget_walks(stage)
    token, checkout = await abandoned(stage)
    down = [{"provider": "paystack", "call": call, "fault": "http_5xx"} for call in ("list", "verify")]
    dropped = {"provider": "paystack", "call": "webhook", "fault": "drop"}
    await stage.sandbox.put("/_control/faults", json=[*down, dropped])
    await stage.pay(checkout)
    began = now().timestamp()
    hurried: dict[str, Any] = {"walk_scale": 1e-9, "walk_seconds": 0.05}
    async with staged(apart.backing, keyring, apart.sandbox_url, apart.door, **hurried):
        await stage.sandbox.put("/_control/faults", json=[*down, dropped])
        await asyncio.sleep(0.5)
        assert await stage.statuses(token) == ["abandoned"]
        await stage.no_faults()
        await stage.becomes(token, "succeeded")

        async def over() -> bool:
            [row] = await stage.rows(select(WALKS))
            return (row["rounds"], row["next_at"]) == (3, None)

        await eventually(over, lambda: stage.rows(select(WALKS)))
    assert (REGISTRY.get_sample_value("payments_walk_time_seconds") or 0) >= began


def a_walk(**values: Any) -> Walk:
    fresh: dict[str, Any] = {
        "day": date(2026, 11, 24),
        "stage": Part.THEIRS,
        "cursor": "",
        "seen": 0,
        "differences": 0,
        "rounds": 0,
        "started_at": None,
        "finished_at": None,
        "next_at": None,
    }
    return Walk(**(fresh | values))


def test_a_day_is_walked_an_hour_after_its_end_a_day_later_and_after_the_last_check_of_its_attempts() -> None:
    moment, walk = datetime(2026, 11, 25, 1, tzinfo=UTC), a_walk()
    times = [moment]
    for _ in range(3):
        walk.begin(moment)
        walk.finish(0, moment, 1)
        moment = walk.next_at or moment
        times.append(moment)
    assert [time - times[0] for time in times] == [DAY * days for days in (0, 1, 7, 7)]
    assert walk.next_at is None
    walk.finish(2, moment, 1)
    assert walk.next_at == moment + DAY, "as long as something differs"


def test_days_that_were_missed_are_walked_and_the_first_one_of_all_is_yesterday() -> None:
    moment = datetime(2026, 11, 25, 1, tzinfo=UTC)
    assert days_to_walk(None, moment, 1) == [date(2026, 11, 24)]
    assert days_to_walk(date(2026, 11, 24), moment, 1) == []
    assert days_to_walk(date(2026, 11, 24), moment - timedelta(seconds=1), 1) == []
    assert days_to_walk(date(2026, 11, 21), moment, 1) == [date(2026, 11, day) for day in (22, 23, 24)]
    assert (a_walk().since.isoformat(), a_walk().until.isoformat()) == (
        "2026-11-24T00:00:00+00:00",
        "2026-11-24T23:59:59.999000+00:00",
    )
