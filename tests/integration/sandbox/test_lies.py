"""Lies in webhooks: chosen by seed, remembered, and aimed at events."""

import hashlib
from typing import Any

import pytest
from support.sandbox_stage import Stage, until

LIE: dict[str, Any] = {"provider": "paystack", "call": "webhook", "fault": "lie"}


async def lied_fields(stage: Stage, seed: int) -> list[str]:
    await stage.fault(**LIE, seed=seed)
    before = len((await stage.control("GET", "/lies")).json()["lies"])
    for number in range(8):
        access_code = (await stage.initialize(reference=f"s{seed}.{before}.{number}"))["access_code"]
        await stage.pay(access_code, outcome="success")
    return [lie["field"] for lie in (await stage.control("GET", "/lies")).json()["lies"][before:]]


async def test_a_seed_chooses_what_is_lied_about(stage: Stage) -> None:
    first = await lied_fields(stage, 2)
    assert len(first) == 8
    assert first == await lied_fields(stage, 2) != await lied_fields(stage, 3)
    assert set(first) == {"amount", "currency", "reference"}


@pytest.mark.parametrize("field", ["amount", "currency", "reference"])
async def test_a_lie_can_be_found_afterwards(stage: Stage, field: str) -> None:
    await stage.fault(**LIE, field=field, count=1)
    access_code = (await stage.initialize())["access_code"]
    await stage.pay(access_code, outcome="success")
    await stage.paid("true")
    (lie,) = (await stage.control("GET", "/lies")).json()["lies"]
    told = next(received for received in stage.receiver.received if lie["sha256"] == sha256(received.body))
    assert (lie["event"], lie["reference"], lie["field"]) == ("charge.success", "01k3abc.1", field)
    assert told.json["data"][field] == lie["told"] != lie["truth"]
    assert told.json["data"]["reference"] == lie["told_reference"]


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def test_a_lie_that_was_dropped_was_never_told(stage: Stage) -> None:
    drop = {"provider": "paystack", "call": "webhook", "fault": "drop"}
    await stage.control("PUT", "/faults", json=[LIE, drop])
    access_code = (await stage.initialize())["access_code"]
    await stage.pay(access_code, outcome="success")
    assert (await stage.control("GET", "/lies")).json() == {"lies": []}


async def test_a_fault_can_be_aimed_at_one_event(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="webhook", fault="drop", event="refund.processing")
    await stage.paid()
    await stage.refund()
    await until(lambda: stage.told("refund.processed"))
    assert sorted(told["event"] for told in stage.told()) == ["charge.success", "refund.pending", "refund.processed"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (LIE | {"event": "refund.processed"}, "known: charge.success"),
        (LIE | {"fault": "drop", "event": "refund.done"}, "refund.needs-attention"),
        (LIE | {"call": "verify", "event": "charge.success"}, "only a fault on the call"),
        (LIE | {"provider": "meta", "fault": "drop", "event": "charge.success"}, "known: messages, statuses"),
    ],
)
async def test_an_unknown_event_is_refused(stage: Stage, fault: dict[str, Any], says: str) -> None:
    answer = await stage.control("PUT", "/faults", json=[fault])
    assert answer.status_code == 422
    assert says in answer.text
    assert "charge.dispute.create" in (await stage.control("GET", "/faults")).json()["events"]["paystack"]
