"""The payout account: resolved first, the first one at once, a change held, announced and undone by naming the old."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from sqlalchemy import select
from support.keys import Keyring
from support.payments.stage import Stage, eventually, staged
from support.sandbox import Entrance
from support.services import reason_of
from whatsinvoice.payments.v1 import events_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_payments.domain.payout import PayoutAccount
from whatsinvoice_payments.models import PAYOUT_ACCOUNTS
from whatsinvoice_payments.service.payouts import PayoutService, active_subaccount

FIRST, SECOND = "0123456789", "9876543210"
HOLD_SECONDS = 1.5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quick(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    """A change is held for a moment, in the place of a day."""
    changes: dict[str, Any] = {"payout_hold_seconds": HOLD_SECONDS, "payout_seconds": 0.1}
    async with staged(backing, keyring, sandbox_url, door, **changes) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def merchant(stage: Stage) -> str:
    token = stage.invoices.bill()
    await stage.known(token)
    return token


async def name(stage: Stage, token: str, number: str, bank_code: str = "058") -> pb.SetPayoutAccountResponse:
    request = pb.SetPayoutAccountRequest(bank_code=bank_code, account_number=number)
    return await stage.stub.SetPayoutAccount(request, metadata=stage.as_merchant(token))


async def current(stage: Stage, token: str) -> pb.GetPayoutAccountResponse:
    return await stage.stub.GetPayoutAccount(pb.GetPayoutAccountRequest(), metadata=stage.as_merchant(token))


async def subaccount_at_provider(stage: Stage, token: str) -> dict[str, Any]:
    async with stage.process.unit_of_work.read() as tx:
        code = await active_subaccount(tx, stage.business(token), "NGN")
    headers = {"authorization": "Bearer sk_test_whatsinvoice"}
    data: dict[str, Any] = (await stage.sandbox.get(f"/paystack/subaccount/{code}", headers=headers)).json()["data"]
    return data


async def announced(stage: Stage, token: str) -> list[events_pb2.PayoutAccountChanged]:
    told: list[Any] = list(await stage.told(token))
    return [event for event in told if isinstance(event, events_pb2.PayoutAccountChanged)]


async def test_the_first_one_is_active_at_once_shown_masked_and_announced(stage: Stage, merchant: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as nothing:
        await current(stage, merchant)
    assert reason_of(nothing.value) == "PAYOUT_ACCOUNT_NOT_FOUND"
    answer = await name(stage, merchant, FIRST)
    assert (answer.active.account_number, answer.active.bank_name) == ("6789", "Guaranty Trust Bank")
    assert answer.active.account_name
    assert not answer.HasField("pending")
    made = await subaccount_at_provider(stage, merchant)
    assert (made["account_number"], made["business_name"], made["percentage_charge"]) == (FIRST, "Ada Designs", 0)
    (event,) = await announced(stage, merchant)
    assert (event.account.account_number, event.aggregate_version) == ("6789", 1)


async def test_payers_see_the_whole_number(stage: Stage, merchant: str) -> None:
    await name(stage, merchant, FIRST)
    request = pb.GetPaymentOptionsRequest(token=merchant)
    found = await stage.stub.GetPaymentOptions(request, metadata=stage.as_gateway)
    assert (found.account.account_number, found.narration) == (FIRST, "INV-000001")


async def test_a_change_waits_a_day_and_naming_the_old_one_undoes_it(stage: Stage, merchant: str) -> None:
    await name(stage, merchant, FIRST)
    changed = await name(stage, merchant, SECOND)
    assert (changed.active.account_number, changed.pending.account_number) == ("6789", "3210")
    (_, event) = await announced(stage, merchant)
    held = changed.pending_from_time.seconds - event.occur_time.seconds
    assert 86_399 <= held <= 86_401
    assert event.active_from_time == changed.pending_from_time
    assert await name(stage, merchant, SECOND) == changed, "again changes nothing, the time neither"
    undone = await name(stage, merchant, FIRST)
    assert undone.active.account_number == "6789"
    assert not undone.HasField("pending")
    assert [event.account.account_number for event in await announced(stage, merchant)] == ["6789", "3210", "6789"]
    assert (await subaccount_at_provider(stage, merchant))["account_number"] == FIRST


async def test_when_its_time_has_come_the_money_goes_there_by_the_same_subaccount(quick: Stage) -> None:
    token = quick.invoices.bill()
    await quick.known(token)
    await name(quick, token, FIRST)
    before = await subaccount_at_provider(quick, token)
    await name(quick, token, SECOND)
    assert (await subaccount_at_provider(quick, token))["account_number"] == FIRST

    async def active() -> bool:
        return (await current(quick, token)).active.account_number == "3210"

    await eventually(active, lambda: current(quick, token))
    after = await subaccount_at_provider(quick, token)
    assert (after["subaccount_code"], after["account_number"]) == (before["subaccount_code"], SECOND)
    query = select(PAYOUT_ACCOUNTS.c.status).where(PAYOUT_ACCOUNTS.c.business_id == quick.business(token))
    async with quick.process.unit_of_work.read() as tx:
        assert sorted((await tx.execute(query)).scalars()) == ["active", "replaced"]


async def test_a_first_one_that_the_provider_did_not_hear_of_becomes_active_when_it_is_back(quick: Stage) -> None:
    token = quick.invoices.bill()
    await quick.known(token)
    await quick.fault("subaccount_create", "http_5xx")
    answer = await name(quick, token, FIRST)
    assert not answer.HasField("active")
    assert answer.pending.account_number == "6789"
    await quick.no_faults()

    async def active() -> bool:
        return (await current(quick, token)).active.account_number == "6789"

    await eventually(active, lambda: current(quick, token), 40)


async def test_f27_accounts_that_cannot_be_made_active_delay_no_other(
    quick: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten accounts whose activation raises come before one that works."""
    tokens = [quick.invoices.bill() for _ in range(11)]
    for token in tokens:
        await quick.known(token)
        await name(quick, token, FIRST)
    activate, good = PayoutService._activate, quick.business(tokens[-1])  # noqa: SLF001  (a fault is planted in it)

    async def raises(self: PayoutService, wanted: PayoutAccount) -> None:
        if wanted.business_id != good:
            raise RuntimeError("a fault of ours")
        await activate(self, wanted)

    monkeypatch.setattr(PayoutService, "_activate", raises)
    for token in tokens:
        await name(quick, token, SECOND)

    async def active() -> bool:
        return (await current(quick, tokens[-1])).active.account_number == "3210"

    await eventually(active, lambda: current(quick, tokens[-1]), 40)


async def test_a_crash_while_the_provider_is_told_of_a_change_is_made_good(
    quick: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = quick.invoices.bill()
    await quick.known(token)
    await name(quick, token, FIRST)
    record = PayoutService._record  # noqa: SLF001  (where it crashes)
    crashes: list[str] = []

    async def crash_once(self: PayoutService, wanted: PayoutAccount, code: str) -> None:
        if not crashes:
            crashes.append(code)
            raise ConnectionError("killed")
        await record(self, wanted, code)

    monkeypatch.setattr(PayoutService, "_record", crash_once)
    await name(quick, token, SECOND)

    async def active() -> bool:
        return (await current(quick, token)).active.account_number == "3210"

    await eventually(active, lambda: current(quick, token), 40)
    assert len(crashes) == 1
    assert (await subaccount_at_provider(quick, token))["account_number"] == SECOND


@pytest.mark.parametrize(
    ("bank_code", "number", "reason"), [("999", FIRST, "BANK_UNKNOWN"), ("058", "12345", "ACCOUNT_UNKNOWN")]
)
async def test_what_the_bank_does_not_know_is_refused(
    stage: Stage, merchant: str, bank_code: str, number: str, reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await name(stage, merchant, number, bank_code)
    assert reason_of(refused.value) == reason
    assert await announced(stage, merchant) == []


async def test_many_at_once_leave_one_active_and_one_that_waits(stage: Stage, merchant: str) -> None:
    await name(stage, merchant, FIRST)
    numbers = [SECOND, "1111111111", "2222222222", "3333333333"]
    await asyncio.gather(*(name(stage, merchant, number) for number in numbers))
    query = select(PAYOUT_ACCOUNTS.c.status).where(PAYOUT_ACCOUNTS.c.business_id == stage.business(merchant))
    async with stage.process.unit_of_work.read() as tx:
        found = sorted((await tx.execute(query)).scalars())
    assert found == ["active", "pending", "withdrawn", "withdrawn", "withdrawn"]
    assert len(await announced(stage, merchant)) == 5


async def test_banks_are_listed_by_name_and_from_memory_while_the_provider_is_away(stage: Stage, merchant: str) -> None:
    request = pb.ListBanksRequest()
    banks = (await stage.stub.ListBanks(request, metadata=stage.as_merchant(merchant))).banks
    assert [bank.name for bank in banks] == sorted(bank.name for bank in banks)
    assert {"Wema Bank": "035"}.items() <= {bank.name: bank.code for bank in banks}.items()
    await stage.fault("banks", "http_5xx")
    assert (await stage.stub.ListBanks(request, metadata=stage.as_merchant(merchant))).banks == banks
    unknown = pb.ListBanksRequest(currency_code="EUR")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stage.stub.ListBanks(unknown, metadata=stage.as_merchant(merchant))
    assert reason_of(refused.value) == "CURRENCY_UNKNOWN"


async def test_the_money_of_a_checkout_goes_to_the_account_that_is_active(stage: Stage, merchant: str) -> None:
    before = await stage.start(stage.invoices.bill())
    assert (await stage.verified(before.reference))["subaccount"] == {}
    await name(stage, merchant, FIRST)
    checkout = await stage.start(merchant)
    made = await subaccount_at_provider(stage, merchant)
    told = (await stage.verified(checkout.reference))["subaccount"]
    assert told["subaccount_code"] == made["subaccount_code"]
