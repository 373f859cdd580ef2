"""I3 for money that goes back: wherever we die, the provider gives it back once, and our books say what it says."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from support.keys import Keyring
from support.payments.money_back import LEASE_300_MS, TOTAL, control, paid, refunded_once
from support.payments.stage import Stage, staged
from support.sandbox import Entrance
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.clients.paystack_refunds import PaystackRefunds
from whatsinvoice_payments.repository import refunds as refund_rows
from whatsinvoice_payments.service.disputes import DisputeService
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.service.refunds import RefundService

Crash = Callable[[type, str, str], None]


class DiedError(Exception):
    """Stands for the end of the process at this very place."""


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Crash, list[str]]]:
    """Makes a method die once, before or after its work; the list says that it did."""
    died: list[str] = []

    def once(owner: type, name: str, when: str) -> None:
        real = getattr(owner, name)

        async def dying(*given: Any, **named: Any) -> Any:
            first = not died
            if first and when == "before":
                died.append(name)
                raise DiedError(name)
            done = await real(*given, **named)
            if first:
                died.append(name)
                raise DiedError(name)
            return done

        monkeypatch.setattr(owner, name, dying)

    yield once, died
    assert len(died) == 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    """What was cut short is taken up again after 300 ms."""
    async with staged(backing, keyring, sandbox_url, door, reconcile_scale=LEASE_300_MS) as stage:
        yield stage


@pytest.mark.parametrize(
    ("owner", "name", "when"),
    [
        pytest.param(refund_rows, "claim_due_refunds", "before", id="after the intent, before anybody took it"),
        pytest.param(RefundService, "_send", "before", id="after it was taken, before the call"),
        pytest.param(PaystackRefunds, "create", "after", id="between the provider's answer and our commit"),
        pytest.param(MoneyBack, "accept", "after", id="within the transaction that records the answer"),
        pytest.param(RefundService, "_send", "after", id="after the answer was recorded"),
    ],
)
async def test_a_refund_is_given_once_wherever_we_die(
    stage: Stage, dies: tuple[Crash, list[str]], owner: type, name: str, when: str
) -> None:
    sale = await (await paid(stage)).settled()
    await stage.fault("webhook", "drop")  # or the provider's own word would mend it
    dies[0](owner, name, when)
    await sale.refund(2_500_000)
    await refunded_once(sale, 2_500_000)


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        pytest.param("http_5xx", {}, id="it failed"),
        pytest.param("timeout", {"seconds": 2}, id="it did it and did not answer for longer than the lease"),
        pytest.param("rate_limit", {}, id="it asked for patience"),
    ],
)
async def test_a_provider_that_misbehaves_gives_it_back_once(stage: Stage, fault: str, how: dict[str, Any]) -> None:
    sale = await (await paid(stage)).settled()
    await stage.fault("refund_create", fault, silent=True, count=1, **how)
    await sale.refund(2_500_000)
    await refunded_once(sale, 2_500_000)


@pytest.mark.parametrize(
    ("answer", "owner", "name", "when"),
    [
        pytest.param("accept", DisputeService, "_tell", "before", id="accepted: after the intent, before the call"),
        pytest.param("accept", PaystackDisputes, "accept", "after", id="accepted: between the answer and our commit"),
        pytest.param("accept", DisputeService, "_tell", "after", id="accepted: after the answer was recorded"),
        pytest.param("contest", DisputeService, "_tell", "before", id="contested: after the intent, before the call"),
        pytest.param("contest", PaystackDisputes, "_put", "after", id="contested: with the evidence half sent"),
        pytest.param(
            "contest", PaystackDisputes, "contest", "after", id="contested: between the answer and our commit"
        ),
    ],
)
async def test_a_dispute_is_answered_once_wherever_we_die(
    stage: Stage, dies: tuple[Crash, list[str]], answer: str, owner: type, name: str, when: str
) -> None:
    sale = await (await paid(stage)).settled()
    await control(stage, "disputes", reference=sale.reference)
    await sale.become("disputes", "open")
    [dispute] = await sale.disputes()
    await stage.fault("webhook", "drop")
    dies[0](owner, name, when)
    calls: dict[str, Any] = {
        "accept": lambda: stage.stub.AcceptDispute(pb.AcceptDisputeRequest(dispute_id=dispute["id"]), metadata=sale.me),
        "contest": lambda: stage.stub.ContestDispute(
            pb.ContestDisputeRequest(dispute_id=dispute["id"], message="It was delivered."), metadata=sale.me
        ),
    }
    with pytest.raises(grpc.aio.AioRpcError):
        await calls[answer]()
    await sale.become("disputes", "resolved" if answer == "accept" else "awaiting")
    [truth] = (await sale.at_provider())["disputes"]
    assert truth["accepted_amount"] == (TOTAL if answer == "accept" else 0)
    assert (await sale.told())["DisputeOpened 0"] == 1
    if answer == "accept":
        assert (await sale.told())[f"PaymentReversed dispute {TOTAL}"] == 1
        await sale.books_agree()
