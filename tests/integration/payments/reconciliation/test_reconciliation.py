"""Webhooks that never come: the provider is asked, on a schedule that these tests run faster."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from functools import partial

import pytest
from prometheus_client import REGISTRY
from support.keys import Keyring
from support.payments.stage import Stage, eventually, staged
from support.sandbox import Entrance
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.core.clock import now
from whatsinvoice_payments.domain.schedule import CHECKS
from whatsinvoice_payments.repository.payments import claim_due_payments
from whatsinvoice_payments.service.reconciliation import LEASE

Staging = Callable[..., AbstractAsyncContextManager[Stage]]
FIRST_CHECK_AFTER_300_MS, OVER_IN_400_MS, OVER_IN_4_S = 1e-3, 1e-6, 1e-5


@pytest.fixture
def staging(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> Staging:
    return partial(staged, backing, keyring, sandbox_url, door)


def settled(because: str) -> float:
    """So many payments were settled for this reason."""
    count = REGISTRY.get_sample_value("payments_settled_total", {"because": because})
    assert count is not None, "from zero, or the first one is no increase"
    return count


async def test_every_webhook_dropped_is_settled_all_the_same(staging: Staging) -> None:
    before = settled("asked"), settled("webhook")
    async with staging(reconcile_scale=FIRST_CHECK_AFTER_300_MS) as stage:
        await stage.fault("webhook", "drop")
        tokens = [stage.invoices.bill(2_000_000) for _ in range(6)]
        for token in tokens:
            await stage.pay(await stage.start(token))
        for token in tokens:
            await stage.becomes(token, "succeeded")
            assert len(await stage.told(token)) == 1
            assert (await stage.ledger(token))["receivable"] == -2_000_000
    assert (settled("asked"), settled("webhook")) == (before[0] + 6, before[1])


async def test_a_declined_payer_is_told_and_may_pay_later(staging: Staging) -> None:
    async with staging(reconcile_scale=OVER_IN_4_S) as stage:
        await stage.fault("webhook", "drop")
        token = stage.invoices.bill()
        checkout = await stage.start(token)
        await stage.pay(checkout, "declined")
        await stage.becomes(token, "failed")
        [failed] = await stage.told(token)
        assert isinstance(failed, PaymentFailed)
        assert failed.reason == "Declined"
        await stage.pay(checkout)
        await stage.becomes(token, "succeeded")
        _, succeeded = await stage.told(token)
        assert succeeded.aggregate_version > failed.aggregate_version
        assert sum((await stage.ledger(token)).values()) == 0


async def test_an_attempt_that_nobody_paid_is_abandoned_in_the_end(staging: Staging) -> None:
    async with staging(reconcile_scale=OVER_IN_400_MS) as stage:
        token = stage.invoices.bill()
        checkout = await stage.start(token)
        await stage.becomes(token, "abandoned")
        assert (await stage.payments(token))[0]["next_check_at"] is None
        await stage.pay(checkout)  # money that comes after all is not lost
        await stage.becomes(token, "succeeded")


async def test_a_payment_in_the_making_stays_pending(staging: Staging) -> None:
    async with staging(reconcile_scale=FIRST_CHECK_AFTER_300_MS) as stage:
        token = stage.invoices.bill()
        await stage.pay(await stage.start(token), "processing")

        async def checked() -> bool:
            [payment] = await stage.payments(token)
            second = timedelta(hours=1) * FIRST_CHECK_AFTER_300_MS
            return bool(payment["next_check_at"] == payment["created_at"] + second)

        await eventually(checked, lambda: stage.payments(token))
        assert await stage.statuses(token) == ["pending"]


async def test_an_attempt_that_the_provider_never_heard_of_ends_abandoned(staging: Staging) -> None:
    async with staging(reconcile_scale=OVER_IN_400_MS) as stage:
        token = stage.invoices.bill()
        await stage.start(token)
        wrong = stage.invoices.bill()
        await stage.fault("initialize", "http_5xx")
        with pytest.raises(Exception, match="provider cannot be reached"):
            await stage.start(wrong)
        await stage.becomes(wrong, "abandoned")


async def test_a_provider_that_is_away_ends_nothing(staging: Staging) -> None:
    async with staging(reconcile_scale=OVER_IN_4_S) as stage:
        token = stage.invoices.bill()
        checkout = await stage.start(token)
        await stage.fault("verify", "http_5xx", count=6)
        await stage.pay(checkout, "success")
        await stage.becomes(token, "succeeded")


async def test_f23_a_charge_that_was_reversed_before_anybody_looked_is_not_booked(staging: Staging) -> None:
    async with staging(reconcile_scale=FIRST_CHECK_AFTER_300_MS) as stage:
        dropped = {"provider": "paystack", "call": "webhook", "fault": "drop"}
        unverified = {"provider": "paystack", "call": "verify", "fault": "http_5xx"}
        await stage.sandbox.put("/_control/faults", json=[dropped, unverified])  # nobody looks between the two
        token = stage.invoices.bill()
        checkout = await stage.start(token)
        await stage.pay(checkout)
        await stage.pay(checkout, "reversed")
        await stage.sandbox.put("/_control/faults", json=[dropped])
        await stage.becomes(token, "failed")
        assert await stage.ledger(token) == {}
        assert [event.DESCRIPTOR.name for event in await stage.told(token)] == ["PaymentFailed"]


class Undone(Exception):  # noqa: N818  (how a transaction ends that is to leave nothing)
    """What was claimed in it is not."""


async def test_a_check_whose_process_died_comes_again_after_its_lease(stage: Stage) -> None:
    """It is claimed by moving it ahead, so nobody has to notice the death."""
    checkout = await stage.start(stage.invoices.bill())
    due = now() + CHECKS[0] + timedelta(seconds=1)
    seen = []
    with suppress(Undone):
        async with stage.process.unit_of_work.begin() as tx:
            for moment in (due, due, due + LEASE - timedelta(seconds=1), due + LEASE):
                claimed = await claim_due_payments(tx, moment, LEASE, 10_000)
                seen.append(checkout.reference in {payment.reference for payment in claimed})
            raise Undone
    assert seen == [True, False, False, True]
