"""charge.success on its way: signature over the raw body, retries, chaos of types, faults."""

import hashlib
import hmac
import json

import pytest
from support.sandbox_stage import SECRET_KEY, Stage, until
from whatsinvoice_sandbox.paystack.webhooks import WAITS


async def paid(stage: Stage, reference: str = "01k3abc.1", **fields: object) -> None:
    data = await stage.initialize(reference=reference, **fields)
    answer = await stage.pay(data["access_code"], outcome="success")
    assert answer.status_code == 200


async def test_a_success_is_told_and_signed_over_the_exact_bytes(stage: Stage) -> None:
    await paid(stage, metadata={"url": "https://shop.example/₦"})
    await until(lambda: stage.receiver.received)
    told = stage.receiver.received[0]
    expected = hmac.new(SECRET_KEY.encode(), told.body, hashlib.sha512).hexdigest()
    assert told.headers["x-paystack-signature"] == expected
    assert json.dumps(told.json, separators=(",", ":")).encode() != told.body
    data = told.json["data"]
    assert told.json["event"] == "charge.success"
    assert (data["reference"], data["status"], data["amount"]) == ("01k3abc.1", "success", 7500000)
    assert (data["requested_amount"], data["fees"], data["currency"]) == (7500000, 122500, "NGN")


async def test_only_successes_are_told(stage: Stage) -> None:
    data = await stage.initialize()
    for outcome in ("declined", "insufficient_funds", "abandoned"):
        await stage.pay(data["access_code"], outcome=outcome)
    await paid(stage, "other")
    await until(lambda: stage.receiver.received)
    assert [told.json["data"]["reference"] for told in stage.receiver.received] == ["other"]


async def test_it_is_told_again_until_200(stage: Stage) -> None:
    stage.receiver.answers = [500, 401, 204]
    await paid(stage)
    await until(lambda: len(stage.receiver.received) == 4)
    assert len({told.body for told in stage.receiver.received}) == 1
    log = (await stage.control("GET", "/webhooks")).json()["webhooks"]
    assert [(entry["attempt"], entry["status_code"]) for entry in log] == [(1, 500), (2, 401), (3, 204), (4, 200)]
    assert {(entry["provider"], entry["event"], entry["key"]) for entry in log} == {
        ("paystack", "charge.success", "01k3abc.1")
    }


def test_the_schedule_is_the_documented_one() -> None:
    assert WAITS[:3] == (180, 180, 180)
    assert set(WAITS[3:]) == {3600}
    assert len(WAITS[3:]) == 72


async def test_the_types_are_as_chaotic_as_paystacks(stage: Stage) -> None:
    for number in range(4):
        await paid(stage, f"bare{number}")
        await paid(stage, f"rich{number}", metadata={"n": number})
    await until(lambda: len(stage.receiver.received) == 8)
    told = [received.json["data"] for received in stage.receiver.received]
    types = {type(data["metadata"]).__name__ for data in told}
    assert {"NoneType", "dict", "str"} <= types
    assert {type(data["amount"]) for data in told} == {int, str}
    assert {type(data["plan"]) for data in told} == {dict, type(None)}
    assert any("," in data["ip_address"] for data in told)
    assert {int(data["amount"]) for data in told} == {7500000}


async def test_a_dropped_webhook_never_arrives_though_the_charge_stands(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="webhook", fault="drop", count=1)
    await paid(stage, "lost")
    await paid(stage, "kept")
    await until(lambda: stage.receiver.received)
    assert [told.json["data"]["reference"] for told in stage.receiver.received] == ["kept"]
    assert (await stage.verify("lost"))["status"] == "success"
    log = (await stage.control("GET", "/webhooks")).json()["webhooks"]
    assert (log[0]["key"], log[0]["status_code"], log[0]["error"]) == ("lost", None, "dropped")


async def test_a_duplicated_webhook_arrives_as_often_as_asked(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="webhook", fault="duplicate", copies=3)
    await paid(stage)
    await until(lambda: len(stage.receiver.received) == 3)
    assert len({told.body for told in stage.receiver.received}) == 1


async def test_a_held_back_webhook_is_overtaken(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="webhook", fault="delay", count=1, seconds=0.3)
    await paid(stage, "first")
    await paid(stage, "second")
    await until(lambda: len(stage.receiver.received) == 2)
    assert [told.json["data"]["reference"] for told in stage.receiver.received] == ["second", "first"]


@pytest.mark.parametrize(("field", "wrong"), [("amount", 3750000), ("currency", "GHS"), ("reference", "01k3abc.1.x")])
async def test_a_lie_is_signed_and_the_ledger_stays_true(stage: Stage, field: str, wrong: object) -> None:
    await stage.fault(provider="paystack", call="webhook", fault="lie", field=field)
    await paid(stage)
    await until(lambda: stage.receiver.received)
    told = stage.receiver.received[0]
    expected = hmac.new(SECRET_KEY.encode(), told.body, hashlib.sha512).hexdigest()
    assert told.headers["x-paystack-signature"] == expected
    assert told.json["data"][field] == wrong
    charge = (await stage.control("GET", "/ledger")).json()["charges"][0]
    assert (charge["amount"], charge["currency"], charge["reference"]) == (7500000, "NGN", "01k3abc.1")
