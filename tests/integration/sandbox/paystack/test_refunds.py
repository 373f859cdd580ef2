"""Refunds: what is refused, how they move, what is told, and what is left of the transaction."""

import asyncio
from typing import Any

import httpx
import pytest
from support.sandbox_stage import Stage, until

FAILS, NEEDS_ATTENTION = "4084080000671803", "4084080000671902"
ACCOUNT = {"refund_account_details": {"currency": "NGN", "account_number": "0123456789", "bank_id": "9"}}


async def held(stage: Stage) -> None:
    """A paid transaction, and refunds that stay where they are."""
    assert (await stage.control("POST", "/refunds", json={"hold": True})).json() == {"hold": True}
    await stage.paid()


async def move(stage: Stage, refund_id: int, status: str) -> httpx.Response:
    return await stage.control("POST", f"/refunds/{refund_id}", json={"status": status})


async def shown(stage: Stage, refund_id: int) -> dict[str, Any]:
    data: dict[str, Any] = (await stage.paystack("GET", f"/refund/{refund_id}")).json()["data"]
    return data


def told_statuses(stage: Stage) -> list[str]:
    return [told["event"] for told in stage.told("refund.")]


async def test_a_refund_without_an_amount_gives_all_back_by_itself(stage: Stage) -> None:
    await stage.paid()
    refund = await stage.refund(merchant_note="rfd_1 ünd", customer_note="  sorry ")
    assert (refund["status"], refund["amount"], refund["fully_deducted"]) == ("pending", 7500000, False)
    assert (refund["merchant_note"], refund["customer_note"]) == ("rfd_1 ünd", "  sorry ")
    assert refund["transaction"]["reference"] == "01k3abc.1"
    await until(lambda: len(stage.told("refund.")) == 3)
    assert sorted(told_statuses(stage)) == ["refund.pending", "refund.processed", "refund.processing"]
    done = await shown(stage, refund["id"])
    assert (done["status"], done["deducted_amount"], done["fully_deducted"]) == ("processed", 7500000, 1)
    assert (done["merchant_note"], done["transaction_reference"]) == ("rfd_1 ünd", "01k3abc.1")
    assert (await stage.verify())["status"] == "reversed"


async def test_the_webhooks_wear_the_types_of_the_samples(stage: Stage) -> None:
    await held(stage)
    first, second = await stage.refund(amount=100), await stage.refund(amount="200")
    for status in ("processing", "processed"):
        await move(stage, first["id"], status)
    await move(stage, second["id"], "failed")
    await until(lambda: len(stage.told("refund.")) == 5)
    by_event = {told["event"]: told["data"] for told in stage.told("refund.") if told["data"]["amount"] != "200"}
    assert by_event["refund.pending"]["refund_reference"] is None
    assert by_event["refund.processing"]["refund_reference"] == by_event["refund.processed"]["refund_reference"] != ""
    assert [by_event[f"refund.{status}"]["amount"] for status in ("pending", "processed")] == ["100", "100"]
    assert (by_event["refund.failed"]["amount"], by_event["refund.failed"]["status"]) == (200, "failed")
    assert {data["transaction_reference"] for data in by_event.values()} == {"01k3abc.1"}
    assert not any("id" in data for data in by_event.values())


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"transaction": "none"}, 404, "transaction_not_found"),
        ({"transaction": 7}, 404, "transaction_not_found"),
        ({"transaction": None}, 400, "missing_params"),
        ({"transaction": "unpaid"}, 400, "transaction_not_successful"),
        ({"amount": 7500001}, 400, "invalid_refund_amount"),
        ({"amount": 0}, 400, "invalid_params"),
        ({"amount": -5}, 400, "invalid_params"),
        ({"amount": "1.5"}, 400, "invalid_params"),
        ({"amount": "9" * 5000}, 400, "invalid_params"),
        ({"currency": "GHS"}, 400, "invalid_params"),
    ],
)
async def test_a_wrong_refund_is_refused(stage: Stage, fields: dict[str, Any], status: int, code: str) -> None:
    await stage.paid()
    await stage.initialize(reference="unpaid")
    answer = await stage.paystack("POST", "/refund", json={"transaction": "01k3abc.1", **fields})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await stage.ledger())["refunds"] == []


async def test_refunds_together_never_exceed_what_was_paid(stage: Stage) -> None:
    await held(stage)
    body = {"transaction": "01k3abc.1", "amount": 3000000}
    answers = await asyncio.gather(*(stage.paystack("POST", "/refund", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 400, 400, 400]
    assert (await stage.refund())["amount"] == 1500000
    again = await stage.paystack("POST", "/refund", json={"transaction": "01k3abc.1"})
    assert (again.status_code, again.json()["code"]) == (400, "transaction_reversed")


async def test_a_transaction_is_reversed_when_all_of_it_is_back(stage: Stage) -> None:
    await held(stage)
    part, rest = await stage.refund(amount=2500000), await stage.refund(transaction=(await stage.verify())["id"])
    assert (await move(stage, part["id"], "processed")).status_code == 200
    assert (await stage.verify())["status"] == "success"
    await move(stage, rest["id"], "processed")
    assert (await stage.verify())["status"] == "reversed"
    (charge,) = (await stage.ledger())["charges"]
    assert (charge["refunded_amount"], charge["status"]) == (7500000, "reversed")


async def test_a_failed_refund_gives_the_amount_back(stage: Stage) -> None:
    await stage.paid(card=FAILS)
    refund = await stage.refund(amount=500000)
    await until(lambda: "refund.failed" in told_statuses(stage))
    assert (await shown(stage, refund["id"]))["status"] == "failed"
    ledger = await stage.ledger()
    assert ledger["balance"] == {"NGN": 7500000 - 122500}
    assert (ledger["charges"][0]["refunded_amount"], ledger["refunds"][0]["status"]) == (0, "failed")
    assert (await stage.refund())["amount"] == 7500000


async def test_a_refund_that_needs_attention_goes_on_with_an_account(stage: Stage) -> None:
    await stage.paid(card=NEEDS_ATTENTION)
    refund = await stage.refund(merchant_note="rfd_9")
    retry = f"/refund/retry_with_customer_details/{refund['id']}"
    await until(lambda: "refund.needs-attention" in told_statuses(stage))
    (told,) = stage.told("refund.needs-attention")
    assert (told["data"]["id"], told["data"]["amount"], told["data"]["merchant_note"]) == (
        refund["id"],
        "7500000",
        "rfd_9",
    )
    assert (await stage.paystack("POST", retry, json={})).json()["code"] == "missing_params"
    answer = await stage.paystack("POST", retry, json=ACCOUNT)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "processing")
    await until(lambda: "refund.processed" in told_statuses(stage))
    assert (await stage.paystack("POST", retry, json=ACCOUNT)).status_code == 400


async def test_refunds_are_listed_by_transaction_currency_and_time(stage: Stage) -> None:
    await held(stage)
    await stage.paid("other")
    first, second = await stage.refund(amount=100), await stage.refund(amount=200)
    third = await stage.refund(transaction="other", amount=300)
    transaction_id = (await stage.verify())["id"]

    async def ids(**params: Any) -> list[int]:
        answer = (await stage.paystack("GET", "/refund", params=params)).json()
        return [refund["id"] for refund in answer["data"]]

    assert await ids() == [third["id"], second["id"], first["id"]]
    assert await ids(transaction="01k3abc.1") == await ids(transaction=transaction_id) == [second["id"], first["id"]]
    assert await ids(transaction="none") == await ids(currency="GHS") == await ids(**{"from": "2100-01-01"}) == []
    assert await ids(currency="NGN", to="2100-01-01", perPage=1, page=3) == [first["id"]]


async def test_a_refund_whose_answer_came_too_late_was_made(stage: Stage) -> None:
    await held(stage)
    await stage.fault(provider="paystack", call="refund_create", fault="timeout", seconds=1.5, count=1)
    with pytest.raises(httpx.ReadTimeout):
        await stage.paystack("POST", "/refund", json={"transaction": "01k3abc.1", "amount": 100}, timeout=1.0)
    assert [refund["amount"] for refund in (await stage.ledger())["refunds"]] == [100]


async def test_held_refunds_go_on_when_they_are_let_go(stage: Stage) -> None:
    await held(stage)
    refund = await stage.refund()
    await asyncio.sleep(0.1)
    assert (await shown(stage, refund["id"]))["status"] == "pending"
    await stage.control("POST", "/refunds", json={"hold": False})
    await until(lambda: "refund.processed" in told_statuses(stage))


@pytest.mark.parametrize(
    ("first", "then", "status"),
    [
        ("processing", "processing", 409),
        ("processed", "failed", 409),
        ("failed", "processed", 409),
        ("needs-attention", "processed", 200),
        ("processing", "pending", 422),
    ],
)
async def test_a_refund_is_moved_by_hand_but_not_back(stage: Stage, first: str, then: str, status: int) -> None:
    await held(stage)
    refund_id = (await stage.refund(amount=100))["id"]
    assert (await move(stage, refund_id, first)).json()["status"] == first
    assert (await move(stage, refund_id, then)).status_code == status
    assert (await move(stage, 1, "processed")).status_code == 404
