"""Dedicated accounts, one-time accounts and USSD: payers who never see a checkout page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support.sandbox_stage import Stage, until

SENDER = {"sender_name": "Jane Doe", "sender_bank": "Zenith Bank", "sender_account": "1234567890", "narration": "cake"}
PERSON = {"email": "ama@example.com", "first_name": "Ama", "last_name": "Mensah", "phone": "+233241234567"}


async def account(stage: Stage, **fields: Any) -> dict[str, Any]:
    """A dedicated account of Jane's."""
    await stage.paystack("POST", "/customer", json={"email": "jane@example.com", "first_name": "Jane"})
    code = (await stage.paystack("GET", "/customer/jane@example.com")).json()["data"]["customer_code"]
    body = {"customer": code, "preferred_bank": "wema-bank", **fields}
    answer = await stage.paystack("POST", "/dedicated_account", json=body)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def send(stage: Stage, number: str, amount: int, **fields: Any) -> httpx.Response:
    body = {"account_number": number, "amount_minor": amount, **fields}
    return await stage.control("POST", "/transfers", json=body)


async def charge(stage: Stage, **fields: Any) -> httpx.Response:
    body = {"email": "jane@example.com", "amount": 250000, "reference": "pwt", **fields}
    return await stage.paystack("POST", "/charge", json=body)


async def test_a_customer_keeps_one_account_per_bank(stage: Stage) -> None:
    first = await account(stage)
    assert (first["bank"]["slug"], first["currency"], len(first["account_number"])) == ("wema-bank", "NGN", 10)
    assert first["assignment"]["account_type"] == "PAY-WITH-TRANSFER-RECURRING"
    assert (await account(stage))["account_number"] == first["account_number"]
    other = await account(stage, preferred_bank="test-bank", currency="GHS")
    assert other["account_number"] != first["account_number"]
    listed = (await stage.paystack("GET", "/dedicated_account", params={"currency": "NGN"})).json()["data"]
    assert [known["account_number"] for known in listed] == [first["account_number"]]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"customer": "CUS_none"}, 404), ({"preferred_bank": "my-bank"}, 400), ({"currency": "KES"}, 400)],
)
async def test_a_wrong_account_is_refused(stage: Stage, fields: dict[str, Any], status: int) -> None:
    await stage.paystack("POST", "/customer", json={"email": "jane@example.com"})
    code = (await stage.paystack("GET", "/customer/jane@example.com")).json()["data"]["customer_code"]
    answer = await stage.paystack("POST", "/dedicated_account", json={"customer": code, **fields})
    assert answer.status_code == status


async def test_every_transfer_into_a_dedicated_account_is_a_transaction(stage: Stage) -> None:
    number = (await account(stage))["account_number"]
    answers = [(await send(stage, number, amount, **SENDER)).json() for amount in (4000000, 100)]
    assert [answer["outcome"] for answer in answers] == ["charged", "charged"]
    await until(lambda: len(stage.told("charge.success")) == 2)
    data = next(told["data"] for told in stage.told() if told["data"]["reference"] == answers[0]["reference"])
    assert (data["channel"], data["fees"], data["customer"]["email"]) == ("dedicated_nuban", 30000, "jane@example.com")
    assert (
        data["authorization"]
        | {
            "channel": "dedicated_nuban",
            "sender_name": "Jane Doe",
            "sender_bank": "Zenith Bank",
            "sender_bank_account_number": "XXXXXX7890",
            "narration": "cake",
            "receiver_bank_account_number": number,
            "receiver_bank": "Wema Bank",
        }
        == data["authorization"]
    )
    charges = (await stage.ledger())["charges"]
    assert [(charge["amount"], charge["channel"]) for charge in charges] == [
        (4000000, "dedicated_nuban"),
        (100, "dedicated_nuban"),
    ]
    assert (await stage.verify(answers[1]["reference"]))["status"] == "success"


async def test_a_closed_account_takes_nothing(stage: Stage) -> None:
    data = await account(stage)
    closed = await stage.paystack("DELETE", f"/dedicated_account/{data['id']}")
    assert closed.json()["data"]["active"] is False
    assert (await send(stage, data["account_number"], 100)).status_code == 409
    assert (await send(stage, "0000000000", 100)).status_code == 409
    assert (await stage.ledger())["charges"] == []


async def test_a_requery_tells_of_the_days_transfers_again(stage: Stage) -> None:
    number = (await account(stage))["account_number"]
    await stage.fault(provider="paystack", call="webhook", fault="drop", count=1)
    reference = (await send(stage, number, 5000)).json()["reference"]
    which = {"account_number": number, "provider_slug": "wema-bank"}
    params: dict[str, str]
    for params, status in (
        ({**which, "date": "2020-01-01"}, 200),
        (which, 200),
        ({**which, "provider_slug": "test-bank"}, 404),
        ({**which, "date": "soon"}, 400),
    ):
        answer = await stage.paystack("GET", "/dedicated_account/requery", params=params)
        assert answer.status_code == status
    await until(stage.told)
    assert [told["data"]["reference"] for told in stage.told()] == [reference]


@pytest.mark.parametrize(
    ("extra", "events"),
    [
        ({}, ["dedicatedaccount.assign.success"]),
        ({"bvn": "22222222222"}, ["customeridentification.success", "dedicatedaccount.assign.success"]),
        ({"bvn": "123"}, ["customeridentification.failed", "dedicatedaccount.assign.failed"]),
    ],
)
async def test_assigning_is_told_by_webhook(stage: Stage, extra: dict[str, str], events: list[str]) -> None:
    body = {**PERSON, "preferred_bank": "access-bank", "country": "GH", **extra}
    answer = await stage.paystack("POST", "/dedicated_account/assign", json=body)
    assert answer.json() == {"status": True, "message": "Assign dedicated account in progress"}
    await until(lambda: len(stage.told()) == len(events))
    assert sorted(told["event"] for told in stage.told()) == events
    told = stage.told("dedicatedaccount")[0]["data"]
    assert told["customer"]["first_name"] == "Ama"
    assert (told["dedicated_account"] or {}).get("currency") == ("GHS" if events[-1].endswith("success") else None)


async def test_an_identification_is_told_when_asked_for(stage: Stage) -> None:
    await stage.paystack("POST", "/customer", json=PERSON)
    failed = {"customer": PERSON["email"], "reason": "Names do not match"}
    assert (await stage.control("POST", "/identifications", json=failed)).status_code == 200
    assert (await stage.control("POST", "/identifications", json={"customer": "none"})).status_code == 404
    await until(lambda: stage.told("customeridentification.failed"))
    data = stage.told("customeridentification.failed")[0]["data"]
    assert (data["reason"], data["identification"]["value"]) == ("Names do not match", "222*****222")


async def test_a_one_time_account_takes_exactly_the_amount_and_once(stage: Stage) -> None:
    data = (await charge(stage, bank_transfer={})).json()["data"]
    assert (data["status"], data["bank"]["slug"]) == ("pending_bank_transfer", "wema-bank")
    number = data["account_number"]
    assert (await send(stage, number, 249999)).json()["outcome"] == "rejected"
    await until(lambda: stage.told("bank.transfer.rejected"))
    rejected = stage.told("bank.transfer.rejected")[0]["data"]
    verified = await stage.verify("pwt")
    assert (verified["status"], verified["channel"]) == ("pending", "bank_transfer")
    assert rejected["bank_transfer"] == {
        "amount": "249999",
        "message": "incorrect amount sent",
        "message_type": "INCORRECT_AMOUNT",
        "transaction_id": str(verified["id"]),
    }
    assert (await stage.ledger())["charges"] == []
    assert (await send(stage, number, 250000, **SENDER)).json() == {"outcome": "charged", "reference": "pwt"}
    assert (await send(stage, number, 250000)).status_code == 409
    await until(lambda: stage.told("charge.success"))
    assert stage.told("charge.success")[0]["data"]["authorization"]["sender_name"] == "Jane Doe"
    assert len((await stage.ledger())["charges"]) == 1


async def test_the_account_on_a_checkout_page_takes_transfers_too(stage: Stage) -> None:
    data = await stage.initialize()
    page = (await stage.http.get(data["authorization_url"])).text
    number = f"99{(await stage.verify())['id'] % 10**8:08d}"
    assert number in page
    assert (await send(stage, number, 7500000)).json()["outcome"] == "charged"
    assert (await stage.verify())["status"] == "success"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, timedelta(hours=8)),
        (timedelta(minutes=1), timedelta(minutes=15)),
        (timedelta(hours=2), timedelta(hours=2)),
        (timedelta(days=2), timedelta(hours=8)),
    ],
)
async def test_the_expiry_is_kept_between_15_minutes_and_8_hours(
    stage: Stage, asked: timedelta | None, granted: timedelta
) -> None:
    now = datetime.now(UTC)
    wish = {"account_expires_at": (now + asked).isoformat() if asked else None}
    data = (await charge(stage, bank_transfer=wish)).json()["data"]
    difference = datetime.fromisoformat(data["account_expires_at"]) - now - granted
    assert abs(difference) < timedelta(seconds=5)


async def test_an_expired_account_takes_nothing(stage: Stage) -> None:
    number = (await charge(stage, bank_transfer={})).json()["data"]["account_number"]
    transaction = stage.server.world.transactions.by_reference("pwt")
    assert transaction is not None
    transaction.account_expires_at = datetime.now(UTC) - timedelta(seconds=1)
    answer = await send(stage, number, 250000)
    assert (answer.status_code, answer.json()["detail"]) == (409, "the account has expired")


async def test_ussd_is_dialled(stage: Stage) -> None:
    data = (await charge(stage, ussd={"type": "737"})).json()["data"]
    assert data["status"] == "pay_offline"
    assert data["ussd_code"].startswith("*737*")
    assert data["ussd_code"] in data["display_text"]
    assert (await stage.paystack("GET", "/charge/pwt")).json()["data"]["status"] == "pending"
    act = {"outcome": "success", "channel": "ussd"}
    assert (await stage.control("POST", "/charges/pwt", json=act)).json()["status"] == "success"
    assert (await stage.control("POST", "/charges/none", json=act)).status_code == 404
    assert (await stage.paystack("GET", "/charge/pwt")).json()["data"]["status"] == "success"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "invalid_params"),
        ({"bank_transfer": {}, "ussd": {"type": "737"}}, "invalid_params"),
        ({"ussd": {"type": "000"}}, "invalid_params"),
        ({"bank_transfer": {"account_expires_at": "soon"}}, "invalid_params"),
        ({"bank_transfer": {}, "currency": "KES"}, "unsupported_currency"),
        ({"bank_transfer": {}, "amount": None}, "missing_params"),
        ({"bank_transfer": {}, "reference": "01k3abc.1"}, "duplicate_reference"),
    ],
)
async def test_a_wrong_charge_is_refused(stage: Stage, fields: dict[str, Any], code: str) -> None:
    await stage.initialize()
    answer = await charge(stage, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await stage.paystack("GET", "/charge/pwt")).status_code == 404
