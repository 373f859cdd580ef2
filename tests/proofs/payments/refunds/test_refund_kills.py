"""I3 with real deaths: a worker of payments is killed over a refund, and the next one finishes it, once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.event_keys import EVENT_KEYS
from support.keys import Keyring
from support.payments.money_back import LEASE_300_MS, Paid, control, paid, refunded_once
from support.payments.stage import Stage, eventually, staged
from support.sandbox import Entrance

PATIENCE = 40.0
"""Seconds: on a busy machine a process needs ten to be up."""


@contextmanager
def worker(stage: Stage) -> Iterator["subprocess.Popen[bytes]"]:
    """The half of payments that works, as a process of its own."""
    settings = {f"PAYMENTS_{name.upper()}": str(value) for name, value in stage.settings.items()}
    command = [sys.executable, "-m", "whatsinvoice_payments", "--only=worker"]
    environment = {**os.environ, **settings, "PAYMENTS_APP_ENV": "test", "PAYMENTS_LOG_LEVEL": "error"}
    environment["PAYMENTS_EVENT_KEYS"] = EVENT_KEYS
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("fault", "moment"),
    [
        pytest.param("delay", "asked", id="while the provider had not done it yet"),
        pytest.param("timeout", "done", id="when the provider had done it and we had not heard"),
        pytest.param("", "recorded", id="when we had recorded it"),
    ],
)
@pytest.mark.timeout(240)
async def test_a_worker_that_is_killed_leaves_a_refund_that_the_next_one_finishes_once(
    backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance, fault: str, moment: str
) -> None:
    scale = 3 * LEASE_300_MS
    async with staged(backing, keyring, sandbox_url, door, only="api", reconcile_scale=scale) as stage:
        with worker(stage):
            sale = await (await paid(stage)).settled(PATIENCE)
        await control(stage, "refunds", hold=True)
        await sale.refund(2_500_000)
        await stage.fault("webhook", "drop")
        if fault:
            await stage.fault("refund_create", fault, silent=True, seconds=1.5, count=1)
        with worker(stage) as first:
            await eventually(lambda: _reached(sale, moment), sale.refunds, PATIENCE)
            first.send_signal(signal.SIGKILL)
            first.wait(10)
        with worker(stage):
            await eventually(lambda: _reached(sale, "recorded"), sale.refunds, PATIENCE)
            await stage.no_faults()
            await control(stage, "refunds", hold=False)
            await refunded_once(sale, 2_500_000)


async def _reached(sale: Paid, moment: str) -> bool:
    [refund] = await sale.refunds()
    if moment == "asked":
        await asyncio.sleep(0.3 if refund["attempts"] else 0)
        return bool(refund["attempts"])
    if moment == "done":
        return bool((await sale.at_provider())["refunds"])
    return refund["provider_id"] is not None
