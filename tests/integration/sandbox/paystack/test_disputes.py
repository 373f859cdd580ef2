"""Disputes: who may answer what, the file of evidence, and where the money goes."""

from typing import Any

import httpx
import pytest
from support.sandbox_stage import NO_TLS, Stage, until

EVIDENCE = {
    "customer_email": "jane@example.com",
    "customer_name": "Jane Doe",
    "customer_phone": "+2348012345678",
    "service_details": "One cake, delivered",
}


async def disputed(stage: Stage, **complaint: Any) -> int:
    """A paid transaction in dispute; gives the dispute's id."""
    await stage.paid()
    answer = await stage.control("POST", "/disputes", json={"reference": "01k3abc.1", **complaint})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def resolve(stage: Stage, dispute_id: int, **fields: Any) -> httpx.Response:
    body = {"resolution": "merchant-accepted", "message": "Sorry", "refund_amount": 7500000, **fields}
    return await stage.paystack("PUT", f"/dispute/{dispute_id}/resolve", json=body)


async def decide(stage: Stage, dispute_id: int, **move: Any) -> httpx.Response:
    return await stage.control("POST", f"/disputes/{dispute_id}", json=move)


async def uploaded(stage: Stage, dispute_id: int, content: bytes = b"%PDF-1.7") -> str:
    params = {"upload_filename": "evidence.pdf"}
    data = (await stage.paystack("GET", f"/dispute/{dispute_id}/upload_url", params=params)).json()["data"]
    assert (await stage.http.put(data["signedUrl"], content=content)).status_code == 200
    name = str(data["fileName"])
    assert name.endswith(".pdf")
    return name


async def test_a_dispute_is_told_with_its_transaction_and_due_date(stage: Stage) -> None:
    dispute_id = await disputed(stage, amount_minor=2000000, category="fraud", due_in_hours=48)
    await until(lambda: stage.told("charge.dispute.create"))
    (told,) = stage.told("charge.dispute.create")
    data = told["data"]
    assert (data["id"], data["status"], data["resolution"]) == (dispute_id, "awaiting-merchant-feedback", None)
    assert (data["refund_amount"], data["currency"], data["category"]) == (2000000, "NGN", "fraud")
    assert (data["transaction"]["reference"], data["transaction"]["amount"]) == ("01k3abc.1", 7500000)
    assert data["dueAt"] > data["created_at"]
    assert [step["status"] for step in data["history"]] == ["awaiting-merchant-feedback"]
    assert data["messages"][0]["body"]


async def test_accepting_gives_the_amount_up_without_a_refund(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    answer = await resolve(stage, dispute_id, refund_amount=2500000)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "resolved")
    assert answer.json()["data"]["resolution"] == "merchant-accepted"
    await until(lambda: stage.told("charge.dispute.resolve"))
    ledger = await stage.ledger()
    assert ledger["refunds"] == []
    assert ledger["balance"] == {"NGN": 7500000 - 122500 - 2500000}
    assert (ledger["charges"][0]["disputed_amount"], ledger["charges"][0]["status"]) == (2500000, "success")
    (dispute,) = ledger["disputes"]
    assert (dispute["transaction_reference"], dispute["accepted_amount"], dispute["resolution"]) == (
        "01k3abc.1",
        2500000,
        "merchant-accepted",
    )
    assert (await resolve(stage, dispute_id)).json()["code"] == "dispute_resolved"


async def test_refunds_and_disputes_together_reverse_the_transaction(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    refund = await stage.refund(amount=5000000)
    await until(lambda: stage.told("refund.processed"))
    assert refund["amount"] == 5000000
    assert (await resolve(stage, dispute_id)).status_code == 400
    assert (await resolve(stage, dispute_id, refund_amount=2500000)).status_code == 200
    assert (await stage.verify())["status"] == "reversed"
    await until(lambda: stage.told("charge.dispute.resolve"))
    assert stage.told("charge.dispute.resolve")[0]["data"]["transaction"]["status"] == "reversed"
    assert (await stage.ledger())["balance"] == {"NGN": -122500}


@pytest.mark.parametrize(
    ("decision", "lost"), [("declined", 0), ("merchant-accepted", 7500000), ("auto-accepted", 7500000)]
)
async def test_after_the_merchant_declined_the_bank_decides(stage: Stage, decision: str, lost: int) -> None:
    dispute_id = await disputed(stage)
    name = await uploaded(stage, dispute_id, b"the evidence")
    evidence = await stage.paystack("POST", f"/dispute/{dispute_id}/evidence", json=EVIDENCE)
    evidence_id = evidence.json()["data"]["id"]
    answer = await resolve(
        stage, dispute_id, resolution="declined", uploaded_filename=name, evidence=evidence_id, refund_amount=7500000
    )
    data = answer.json()["data"]
    assert (data["status"], data["evidence"], data["attachments"]) == ("awaiting-bank-feedback", evidence_id, name)
    assert stage.told("charge.dispute.resolve") == []
    assert (await decide(stage, dispute_id, resolution=decision)).json()["resolution"] == decision
    await until(lambda: stage.told("charge.dispute.resolve"))
    ledger = await stage.ledger()
    assert ledger["balance"] == {"NGN": 7500000 - 122500 - lost}
    assert ledger["charges"][0]["status"] == ("reversed" if lost else "success")
    assert (await stage.control("GET", f"/dispute-files/{name}")).content == b"the evidence"
    assert (await decide(stage, dispute_id, resolution="declined")).status_code == 409


async def test_a_due_date_that_passed_is_accepted_for_the_merchant(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    await decide(stage, dispute_id, resolution="auto-accepted")
    await until(lambda: stage.told("charge.dispute.resolve"))
    data = stage.told("charge.dispute.resolve")[0]["data"]
    assert (data["resolution"], data["transaction"]["status"]) == ("auto-accepted", "reversed")


async def test_a_reminder_changes_nothing(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    assert (await decide(stage, dispute_id, remind=True)).status_code == 200
    await until(lambda: stage.told("charge.dispute.remind"))
    assert (await stage.paystack("GET", f"/dispute/{dispute_id}")).json()["data"]["status"] == (
        "awaiting-merchant-feedback"
    )
    for move in ({}, {"remind": True, "resolution": "declined"}, {"resolution": "won"}, {"remind": False}):
        assert (await decide(stage, dispute_id, **move)).status_code == 422


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"resolution": "declined"}, "missing_params"),
        ({"resolution": "declined", "uploaded_filename": "mine.pdf"}, "invalid_params"),
        ({"resolution": "won"}, "invalid_params"),
        ({"message": ""}, "missing_params"),
        ({"refund_amount": None}, "missing_params"),
        ({"refund_amount": 7500001}, "invalid_refund_amount"),
    ],
)
async def test_a_wrong_answer_is_refused(stage: Stage, fields: dict[str, Any], code: str) -> None:
    dispute_id = await disputed(stage)
    answer = await resolve(stage, dispute_id, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await stage.ledger())["disputes"][0]["status"] == "awaiting-merchant-feedback"


async def test_unknown_evidence_is_refused(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    name = await uploaded(stage, dispute_id)
    answer = await resolve(stage, dispute_id, resolution="declined", uploaded_filename=name, evidence=99)
    assert (answer.status_code, answer.json()["message"]) == (400, "Evidence not found")


async def test_the_offer_can_be_changed_until_it_is_resolved(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    path = f"/dispute/{dispute_id}"
    changed = await stage.paystack("PUT", path, json={"refund_amount": 100, "uploaded_filename": "no"})
    assert changed.status_code == 400
    changed = await stage.paystack("PUT", path, json={"refund_amount": 100})
    assert changed.json()["data"]["refund_amount"] == 100
    await decide(stage, dispute_id, resolution="merchant-accepted")
    assert (await stage.ledger())["charges"][0]["disputed_amount"] == 100
    assert (await stage.paystack("PUT", path, json={"refund_amount": 100})).status_code == 400


async def test_only_the_signature_opens_the_storage(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    data = (await stage.paystack("GET", f"/dispute/{dispute_id}/upload_url")).json()["data"]
    path = f"/paystack/storage/{data['fileName']}"
    async with httpx.AsyncClient(base_url=stage.server.address, trust_env=False, verify=NO_TLS) as client:
        for wrong in ("", "?signature=", "?signature=guess"):
            assert (await client.put(f"{path}{wrong}", content=b"x")).status_code == 403
        assert (await client.put(data["signedUrl"], content=b"x" * (10 * 1024 * 1024 + 1))).status_code == 400
    assert (await stage.control("GET", f"/dispute-files/{data['fileName']}")).status_code == 404


async def test_disputes_are_found_by_status_transaction_and_time(stage: Stage) -> None:
    dispute_id = await disputed(stage)
    transaction_id = (await stage.verify())["id"]

    async def ids(**params: Any) -> list[int]:
        answer = (await stage.paystack("GET", "/dispute", params=params)).json()
        return [dispute["id"] for dispute in answer["data"]]

    assert await ids() == await ids(status="awaiting-merchant-feedback") == await ids(transaction=transaction_id)
    assert await ids(transaction="01k3abc.1", to="2100-01-01") == [dispute_id]
    assert await ids(status="resolved") == await ids(**{"from": "2100-01-01"}) == await ids(transaction="no") == []
    found = await stage.paystack("GET", f"/dispute/transaction/{transaction_id}")
    assert found.json()["data"]["merchant_transaction_reference"] == "01k3abc.1"
    assert (await stage.paystack("GET", "/dispute/transaction/1")).status_code == 404


async def test_only_a_paid_charge_is_disputed_and_once_at_a_time(stage: Stage) -> None:
    await stage.initialize(reference="unpaid")
    await disputed(stage)
    for complaint, status in (
        ({"reference": "none"}, 404),
        ({"reference": "unpaid"}, 409),
        ({"reference": "01k3abc.1"}, 409),
        ({"reference": "01k3abc.1", "amount_minor": 7500001}, 409),
        ({"reference": "01k3abc.1", "why": "no"}, 422),
    ):
        assert (await stage.control("POST", "/disputes", json=complaint)).status_code == status
    assert (await decide(stage, 1, remind=True)).status_code == 404


async def test_the_balance_is_what_the_ledger_says(stage: Stage) -> None:
    assert (await stage.paystack("GET", "/balance")).json()["data"] == [{"currency": "NGN", "balance": 0}]
    await stage.paid()
    access_code = (await stage.initialize(reference="gh", currency="GHS", amount=10000))["access_code"]
    await stage.pay(access_code, outcome="success")
    data = (await stage.paystack("GET", "/balance")).json()["data"]
    sums = {entry["currency"]: entry["balance"] for entry in data}
    assert sums == (await stage.ledger())["balance"] == {"NGN": 7377500, "GHS": 9805}
