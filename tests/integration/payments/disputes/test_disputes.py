"""Disputes: what the payer's bank asks, what the merchant answers, and where the money ends."""

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from support.keys import Keyring
from support.payments.money_back import LEASE_300_MS, TOTAL, Paid, control, elsewhere, paid
from support.payments.stage import Stage, eventually, staged
from support.sandbox import Entrance
from support.services import reason_of
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_payments.service.money_back_gauges import DISPUTES, DUE, MoneyBackGauges

MESSAGE = "It was delivered on Monday."
UNKNOWN_REFERENCE = b'{"event":"charge.dispute.create","data":{"id":7,"transaction":{"reference":"T-nobody"}}}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance) -> AsyncIterator[Stage]:
    """On a fast schedule: an answer that was cut short is told again after 300 ms."""
    async with staged(backing, keyring, sandbox_url, door, reconcile_scale=LEASE_300_MS) as stage:
        yield stage


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return reason_of(error.value)


async def disputed(stage: Stage, **complaint: Any) -> tuple[Paid, str]:
    """A paid invoice whose payer has complained; and our id of the dispute."""
    sale = await (await paid(stage)).settled()
    await control(stage, "disputes", reference=sale.reference, **complaint)
    await sale.become("disputes", "open")
    return sale, str((await sale.disputes())[0]["id"])


async def accept(sale: Paid, dispute_id: str) -> pb.Dispute:
    request = pb.AcceptDisputeRequest(dispute_id=dispute_id)
    return (await sale.stage.stub.AcceptDispute(request, metadata=sale.me)).dispute


async def contest(sale: Paid, dispute_id: str, message: str = MESSAGE) -> pb.Dispute:
    request = pb.ContestDisputeRequest(dispute_id=dispute_id, message=message)
    return (await sale.stage.stub.ContestDispute(request, metadata=sale.me)).dispute


async def decide(sale: Paid, resolution: str) -> None:
    [dispute] = await sale.disputes()
    await control(sale.stage, f"disputes/{dispute['provider_id']}", resolution=resolution)


async def test_what_is_disputed_is_kept_back_and_told(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage, amount_minor=2_000_000, category="fraud", due_in_hours=48)
    ledger = await stage.ledger(sale.token)
    assert ledger["disputes"] == 2_000_000
    assert ledger["paystack_clearing"] == TOTAL - (await sale.payment())["fees_minor"] - 2_000_000
    request = pb.GetDisputeRequest(dispute_id=dispute_id)
    found = (await stage.stub.GetDispute(request, metadata=sale.me)).dispute
    assert (found.status, found.amount.amount_minor) == (pb.DISPUTE_STATUS_OPEN, 2_000_000)
    assert (found.category, found.lost_minor, found.HasField("due_time")) == ("fraud", 0, True)
    await control(stage, f"disputes/{(await sale.disputes())[0]['provider_id']}", remind=True)
    assert (await sale.told())["DisputeOpened 0"] == 1


async def test_an_accepted_dispute_gives_the_money_back(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage, amount_minor=2_000_000)
    found = await accept(sale, dispute_id)
    assert (found.status, found.lost_minor) == (pb.DISPUTE_STATUS_RESOLVED, 2_000_000)
    assert (await sale.payment())["refunded_minor"] == 2_000_000
    assert await sale.purposes() == ["dispute lost", "dispute opened", "payment"]
    await sale.books_agree()
    assert (await stage.ledger(sale.token))["receivable"] == 2_000_000 - TOTAL
    told = await sale.told()
    assert (told["DisputeResolved 2000000"], told["PaymentReversed dispute 2000000"]) == (1, 1)
    assert await refused(accept(sale, dispute_id)) == "DISPUTE_RESOLVED"


async def test_a_contested_dispute_goes_to_the_bank_with_the_evidence_and_may_be_won(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage, category="fraud")
    found = await contest(sale, dispute_id)
    assert found.status == pb.DISPUTE_STATUS_AWAITING
    [kept] = await sale.disputes()
    assert (kept["answer"], kept["answer_message"]) == ("contest", MESSAGE)
    dispute = await elsewhere(stage, f"dispute/{kept['provider_id']}", "GET")
    assert (dispute["resolution"], dispute["messages"][-1]["body"]) == ("declined", MESSAGE)
    file = await stage.sandbox.get(f"/_control/dispute-files/{dispute['attachments']}")
    facts = json.loads(file.content.removeprefix(b"%PDF-1.7 "))
    assert (facts["Payment reference"], facts["Channel"], facts["Category"]) == (sale.reference, "card", "fraud")
    assert (facts["Dispute"], facts["Paid"]) == (kept["provider_id"], "₦75,000.00")
    assert await refused(accept(sale, dispute_id)) == "DISPUTE_ANSWERED"
    await decide(sale, "declined")
    await sale.become("disputes", "resolved")
    assert (await sale.payment())["status"] == "succeeded"
    assert await sale.purposes() == ["dispute opened", "dispute won", "payment"]
    assert (await sale.told())["DisputeResolved 0"] == 1
    await sale.books_agree()


@pytest.mark.parametrize("resolution", ["auto-accepted", "merchant-accepted"])
async def test_a_dispute_that_the_bank_decides_for_the_payer_is_lost(stage: Stage, resolution: str) -> None:
    sale, _ = await disputed(stage)
    await decide(sale, resolution)
    await sale.become("disputes", "resolved")
    payment = await sale.payment()
    assert (payment["status"], payment["refunded_minor"]) == ("reversed", TOTAL)
    await sale.books_agree()


async def test_less_than_was_disputed_may_be_lost(stage: Stage) -> None:
    sale, _ = await disputed(stage, amount_minor=2_000_000)
    [dispute] = await sale.disputes()
    answer = {"resolution": "merchant-accepted", "message": "half of it", "refund_amount": 500_000}
    await elsewhere(stage, f"dispute/{dispute['provider_id']}/resolve", "PUT", **answer)
    await sale.become("disputes", "resolved")
    assert [row["lost_minor"] for row in await sale.disputes()] == [500_000]
    await sale.books_agree()


async def test_a_dispute_that_is_over_before_anybody_looked_is_opened_and_ended(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    await stage.fault("webhook", "drop")
    opened = await control(stage, "disputes", reference=sale.reference)
    await stage.no_faults()
    await control(stage, f"disputes/{opened['id']}", resolution="auto-accepted")
    await sale.become("disputes", "resolved")
    told = await sale.told()
    assert (told["DisputeOpened 0"], told[f"DisputeResolved {TOTAL}"]) == (1, 1)
    await sale.books_agree()


async def test_an_answer_that_the_provider_did_not_hear_is_told_again(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage)
    await stage.fault("dispute_resolve", "http_5xx", count=2)
    assert await refused(accept(sale, dispute_id)) == "PROVIDER_UNAVAILABLE"
    await sale.become("disputes", "resolved")
    await sale.books_agree()
    assert len((await sale.at_provider())["disputes"]) == 1


async def test_an_answer_of_which_nobody_heard_the_result_is_not_given_twice(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage)
    await stage.fault("dispute_resolve", "timeout", seconds=2, count=1)
    request = pb.AcceptDisputeRequest(dispute_id=dispute_id)
    with pytest.raises(grpc.aio.AioRpcError):
        await stage.stub.AcceptDispute(request, metadata=sale.me, timeout=0.5)
    await sale.become("disputes", "resolved")
    assert [row["accepted_amount"] for row in (await sale.at_provider())["disputes"]] == [TOTAL]
    assert (await sale.told())[f"DisputeResolved {TOTAL}"] == 1
    await sale.books_agree()


async def test_evidence_that_cannot_be_had_yet_is_sent_later(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage)
    stage.invoices.away = True
    assert await refused(contest(sale, dispute_id)) == "STORE_UNAVAILABLE"
    stage.invoices.away = False
    await sale.become("disputes", "awaiting")


async def test_an_answer_that_the_provider_refuses_may_be_given_otherwise(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage)
    await control(stage, "refunds", hold=True)
    await elsewhere(stage, "refund", transaction=sale.reference, amount=TOTAL)  # so nothing is left to give up
    assert await refused(accept(sale, dispute_id)) == "DISPUTE_ANSWER_REFUSED"
    assert [row["answer"] for row in await sale.disputes()] == [""]
    assert (await contest(sale, dispute_id)).status == pb.DISPUTE_STATUS_AWAITING
    await control(stage, "refunds", hold=False)


async def test_a_dispute_of_which_no_webhook_came_to_an_end_is_asked_about(stage: Stage) -> None:
    sale, _ = await disputed(stage)
    await stage.fault("webhook", "drop")
    await decide(sale, "auto-accepted")
    await sale.become("disputes", "resolved", seconds=40)
    await sale.books_agree()


async def test_the_evidence_can_be_read_and_strangers_read_nothing(stage: Stage) -> None:
    sale, dispute_id = await disputed(stage)
    request = pb.GetDisputeEvidenceRequest(dispute_id=dispute_id)
    found = await stage.stub.GetDisputeEvidence(request, metadata=sale.me)
    assert (found.content[:8], found.file_name) == (b"%PDF-1.7", "evidence.pdf")
    other = stage.as_merchant(stage.invoices.bill())
    for call, asked in (
        (stage.stub.GetDisputeEvidence, request),
        (stage.stub.GetDispute, pb.GetDisputeRequest(dispute_id=dispute_id)),
        (stage.stub.AcceptDispute, pb.AcceptDisputeRequest(dispute_id=dispute_id)),
        (stage.stub.ContestDispute, pb.ContestDisputeRequest(dispute_id=dispute_id, message="mine")),
    ):
        anybody: Any = call
        assert await refused(anybody(asked, metadata=other)) == "DISPUTE_NOT_FOUND"
    for words in ("", "x" * 1_001):
        assert await refused(contest(sale, dispute_id, words)) == "MESSAGE_INVALID"
    page = common_pb2.PageRequest(limit=1)
    listed = await stage.stub.ListDisputes(pb.ListDisputesRequest(page=page), metadata=sale.me)
    assert ([row.id for row in listed.disputes], listed.page.next_cursor) == ([dispute_id], "")
    assert not (await stage.stub.ListDisputes(pb.ListDisputesRequest(), metadata=other)).disputes


async def test_a_dispute_about_a_payment_that_nobody_here_knows_is_for_a_person_to_look_at(stage: Stage) -> None:
    await stage.deliver(UNKNOWN_REFERENCE)
    await stage.outcome("7", "quarantined")


async def test_what_must_be_answered_and_by_when_can_be_watched(stage: Stage) -> None:
    await disputed(stage, due_in_hours=1)

    async def seen() -> bool:
        await MoneyBackGauges(stage.process.unit_of_work).work()
        due = DUE._value.get()  # noqa: SLF001  (how the client's own tests read a gauge)
        return bool(DISPUTES._value.get() >= 1 and due < 3_600 and not math.isinf(due))  # noqa: SLF001  (as above)

    await eventually(seen, MoneyBackGauges(stage.process.unit_of_work).work)
