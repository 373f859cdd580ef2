"""W3: in whatever order the webhooks about a payment come, it ends the same, in every book and for everybody."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from support.keys import Keyring
from support.payments.money_back import Paid, Recorder, control, deliver, elsewhere, paid
from support.payments.stage import Stage, staged
from support.sandbox import Entrance

TOTAL, REFUNDED = 7_500_000, 2_500_000
REST = TOTAL - REFUNDED
EVENTS = (
    "charge.success",
    "refund.processing",
    "refund.processed",
    "charge.dispute.create",
    "charge.dispute.resolve",
)
AT_ONCE = 8
WALK_EACH_SECOND = 1 / 3_600
Step = Callable[[], Awaitable[Any]]


@pytest_asyncio.fixture(loop_scope="module")
async def held(stage: Stage) -> AsyncIterator[Stage]:
    """Refunds move when they are told to."""
    await control(stage, "refunds", hold=True)
    yield stage
    await control(stage, "refunds", hold=False)


async def one_after_another(sale: Paid) -> AsyncIterator[None]:
    """What happened at the provider: part refunded, the rest disputed and lost. Each turn it moves on."""
    refund = await elsewhere(sale.stage, "refund", transaction=sale.reference, amount=REFUNDED)
    yield
    await control(sale.stage, f"refunds/{refund['id']}", status="processing")
    yield
    await control(sale.stage, f"refunds/{refund['id']}", status="processed")
    yield
    dispute = await control(sale.stage, "disputes", reference=sale.reference)
    yield
    await control(sale.stage, f"disputes/{dispute['id']}", resolution="auto-accepted")


async def end_of(sale: Paid) -> dict[str, Any]:
    """All that must be the same: rows without their ids and times, balances, what is in the books, what was told."""
    await sale.books_agree()
    [payment], refunds, disputes = [await sale.payment()], await sale.refunds(), await sale.disputes()
    kept = ("status", "settled_minor", "paid_minor", "refunded_minor", "fees_minor", "held", "channel", "reason")
    return {
        "payment": {name: payment[name] for name in kept},
        "checks": payment["next_check_at"],
        "refunds": [(row["status"], row["amount_minor"], row["reason"], row["next_attempt_at"]) for row in refunds],
        "disputes": [(row["status"], row["amount_minor"], row["lost_minor"], row["resolution"]) for row in disputes],
        "ledger": await sale.stage.ledger(sale.token),
        "purposes": await sale.purposes(),
        "told": await sale.told(),
    }


def expected(fees: int) -> dict[str, Any]:
    return {
        "payment": {
            "status": "reversed",
            "settled_minor": TOTAL,
            "paid_minor": TOTAL,
            "refunded_minor": TOTAL,
            "fees_minor": fees,
            "held": False,
            "channel": "card",
            "reason": "dispute",
        },
        "checks": None,
        "refunds": [("processed", REFUNDED, "made at the provider", None)],
        "disputes": [("resolved", REST, REST, "auto-accepted")],
        # A refund leaves its invoice paid, so its amount stays in refunds (decision 0030); a lost dispute is due again.
        "ledger": {
            "paystack_clearing": -fees,
            "fees": fees,
            "receivable": -REFUNDED,
            "refunds": REFUNDED,
            "disputes": 0,
        },
        "purposes": ["dispute lost", "dispute opened", "payment", "refund sent"],
        "told": {
            "PaymentSucceeded": 1,
            "RefundUpdated processed": 1,
            f"PaymentReversed refund {REFUNDED}": 1,
            "DisputeOpened 0": 1,
            f"DisputeResolved {REST}": 1,
            f"PaymentReversed dispute {REST}": 1,
        },
    }


@pytest.mark.timeout(300)
async def test_all_hundred_and_twenty_orders_end_the_same(held: Stage, door: Entrance) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def play(order: tuple[str, ...], recorder: Recorder) -> tuple[tuple[str, ...], dict[str, Any], int]:
        async with turns:
            sale = await paid(held)
            async for _ in one_after_another(sale):
                pass
            bodies = await recorder.told(sale.reference, EVENTS)
            for event in order:
                await deliver(held, bodies[event])
            return order, await end_of(sale), (await sale.payment())["fees_minor"]

    with Recorder(door) as recorder:
        orders = list(itertools.permutations(EVENTS))
        ends = await asyncio.gather(*(play(order, recorder) for order in orders))
    assert len({order for order, _, _ in ends}) == 120
    assert {order: end for order, end, fees in ends if end != expected(fees)} == {}


@pytest.mark.parametrize("seed", range(12))
async def test_webhooks_that_come_late_and_twice_while_the_provider_moves_on_end_the_same(
    held: Stage, door: Entrance, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)
    with Recorder(door) as recorder:
        sale = await paid(held)
        told = ["charge.success", "refund.pending", *EVENTS[1:]]
        waiting = [*(await recorder.told(sale.reference, told[:1])).values()]
        known = 1
        async for _ in one_after_another(sale):
            known += 1
            bodies = await recorder.told(sale.reference, told[:known])
            waiting.append(bodies[told[known - 1]])
            for _ in range(dice.randrange(3)):
                await deliver(held, dice.choice(waiting))  # some of them again
        bodies = await recorder.told(sale.reference, told)
    rest = list(bodies.values())
    dice.shuffle(rest)
    for body in rest:
        await deliver(held, body)
    end, fees = await end_of(sale), (await sale.payment())["fees_minor"]
    on_the_way = ("RefundUpdated pending", "RefundUpdated processing")
    end["told"] = {name: count for name, count in end["told"].items() if name not in on_the_way}
    assert end == expected(fees)


async def test_a_success_that_is_told_when_all_of_it_has_gone_back_brings_that_along(
    held: Stage, door: Entrance
) -> None:
    with Recorder(door) as recorder:
        sale = await paid(held)
        async for _ in one_after_another(sale):
            pass
        await deliver(held, (await recorder.told(sale.reference, EVENTS))["charge.success"])
    assert await end_of(sale) == expected((await sale.payment())["fees_minor"])


async def test_money_that_went_back_without_a_single_webhook_is_found_by_a_walk(
    backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance
) -> None:
    async with staged(backing, keyring, sandbox_url, door, reconcile_scale=WALK_EACH_SECOND) as stage:
        await control(stage, "refunds", hold=True)
        await stage.fault("webhook", "drop")
        sale = await (await paid(stage)).settled()
        async for _ in one_after_another(sale):
            pass
        await sale.become("disputes", "resolved", seconds=30)
        await control(stage, "refunds", hold=False)
        end, fees = await end_of(sale), (await sale.payment())["fees_minor"]
        on_the_way = ("RefundUpdated pending", "RefundUpdated processing")
        end["told"] = {name: count for name, count in end["told"].items() if name not in on_the_way}
        assert end == expected(fees)
