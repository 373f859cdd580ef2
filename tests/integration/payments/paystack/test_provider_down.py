"""Paystack fails or hangs (D2): it is left alone, callers hear so at once, and all that needs no Paystack goes on."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import pytest
import pytest_asyncio
from integration.payments.payouts.test_payouts import FIRST, name
from integration.payments.transfers.test_transfers import details
from prometheus_client import REGISTRY
from support.keys import Keyring
from support.payments.fixtures import Apart
from support.payments.stage import Stage, eventually, staged
from support.payments.surprises import record
from support.services import reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.rpc.errors import from_rpc_error

FAILURES, PAUSE = 5, 10.0
CLOSED, OPEN = 0, 2
AT_ONCE_SECONDS = 0.1
HURRY = 8.0
"""The deadline of a caller, in seconds: more than the wait that speaks against the provider."""
DOWN = {
    "failing": [{"provider": "paystack", "call": call, "fault": "http_5xx"} for call in ("initialize", "verify")],
    "hanging": [
        {"provider": "paystack", "call": call, "fault": "timeout", "seconds": 20} for call in ("initialize", "verify")
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(apart: Apart, keyring: Keyring) -> AsyncIterator[Stage]:
    """Payments with books of its own, and a short pause of a provider that is down in place of ten seconds."""
    pause: dict[str, Any] = {"provider_failures": FAILURES, "provider_pause_seconds": PAUSE}
    async with staged(apart.backing, keyring, apart.sandbox_url, apart.door, **pause) as stage:
        yield stage


def state() -> float:
    return REGISTRY.get_sample_value("payments_provider_circuit_state") or 0


def calls(outcome: str) -> float:
    """So many calls of the provider have ended so."""
    [metric] = [metric for metric in REGISTRY.collect() if metric.name == "payments_provider_calls"]
    counts = [sample for sample in metric.samples if sample.name.endswith("_total")]
    return sum(sample.value for sample in counts if sample.labels["outcome"] == outcome)


async def refused(stage: Stage, token: str) -> float:
    """Seconds until a payer hears that the provider cannot be reached."""
    began = time.perf_counter()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stage.stub.StartCheckout(pb.StartCheckoutRequest(token=token), metadata=stage.as_gateway, timeout=HURRY)
    seconds = time.perf_counter() - began
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(error.value) == "PROVIDER_UNAVAILABLE"
    assert from_rpc_error(error.value).retry_after >= 1
    return seconds


async def goes_on(stage: Stage, merchant: str) -> int:
    """What needs no provider; how many calls of that were made."""
    for _ in range(10):
        assert (await details(stage, merchant)).account.account_number == FIRST
    taken = [stage.invoices.bill() for _ in range(10)]
    for token in taken:
        assert (await record(stage, token)).status == pb.PAYMENT_STATUS_SUCCEEDED
    return 20


async def postponed(stage: Stage, references: Sequence[str]) -> None:
    """Waits until each webhook was tried in vain and kept."""

    async def tried() -> bool:
        rows = [(await stage.webhooks(reference))[0] for reference in references]
        return all(row["error"] and not row["outcome"] for row in rows)

    await eventually(tried, lambda: stage.webhooks(references[0]), 15)


@pytest.mark.parametrize("how", list(DOWN))
async def test_a_provider_that_is_down_costs_nothing_but_checkouts(
    stage: Stage, how: str, figure: Callable[[str], None]
) -> None:
    merchant = stage.invoices.bill()
    await stage.known(merchant)
    await name(stage, merchant, FIRST)
    await stage.fault("webhook", "drop")
    paid = [(token, await stage.start(token)) for token in (stage.invoices.bill() for _ in range(5))]
    for _, checkout in paid:
        await stage.pay(checkout)
    webhooks = [await stage.charge_success(checkout.reference) for _, checkout in paid]
    await stage.sandbox.put("/_control/faults", json=DOWN[how])

    waited = await asyncio.gather(*(refused(stage, stage.invoices.bill()) for _ in range(FAILURES)))
    assert state() == OPEN, "as many failures as are allowed, and not one call more"
    before = calls("circuit_open")
    tokens = [stage.invoices.bill() for _ in range(50)]
    times = [await refused(stage, token) for token in tokens]
    assert calls("circuit_open") - before == len(tokens), "none of these was asked of the provider"
    assert sorted(times)[len(times) * 9 // 10] < AT_ONCE_SECONDS, "nine in ten: this machine does more than this"

    for body in webhooks:
        await stage.deliver(body)
    others = await goes_on(stage, merchant)
    await postponed(stage, [checkout.reference for _, checkout in paid])
    assert [await stage.statuses(token) for token, _ in paid] == [["pending"]] * len(paid)

    await stage.no_faults()
    back = time.perf_counter()
    for token, checkout in paid:
        await stage.becomes(token, "succeeded")
        await stage.outcome(checkout.reference, "settled")
    assert state() == CLOSED
    recovered = time.perf_counter() - back
    assert recovered < PAUSE + 5
    for token in tokens:
        assert (await stage.start(token)).authorization_url
    figure(
        f"{how}: open after {FAILURES} calls, the slowest of {max(waited):.2f} s; {len(times)} checkouts refused in "
        f"{statistics.median(times) * 1000:.1f} ms (median; at most {max(times) * 1000:.1f} ms), none of them asked; "
        f"{others} of {others} other calls served, {len(webhooks)} webhooks waited and settled; "
        f"well again {recovered:.1f} s after the provider"
    )


async def test_a_caller_who_goes_away_from_a_hanging_provider_counts_against_it(stage: Stage) -> None:
    """Her deadline is nearer than ours; else a provider that hangs would never be left alone."""
    await stage.sandbox.put("/_control/faults", json=DOWN["hanging"])
    requests = [pb.StartCheckoutRequest(token=stage.invoices.bill()) for _ in range(FAILURES)]
    running = [stage.stub.StartCheckout(request, metadata=stage.as_gateway, timeout=30) for request in requests]
    await asyncio.sleep(2.5)
    for call in running:
        call.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await eventually(opened, opened)


async def opened() -> bool:
    return state() == OPEN
