"""Initialize, verify, list and banks, as Paystack answers them."""

from typing import Any

import pytest
from support.sandbox_stage import Stage
from whatsinvoice_sandbox.paystack.fees import fees_of


async def test_initialize_gives_a_checkout_of_this_sandbox(stage: Stage) -> None:
    data = await stage.initialize()
    assert data["reference"] == "01k3abc.1"
    assert data["authorization_url"] == f"{stage.server.address}/paystack/checkout/{data['access_code']}"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer sk_test_wrong"}, {"authorization": "sk_test_é"}])
async def test_a_wrong_key_is_refused(stage: Stage, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await stage.http.get("/paystack/transaction/verify/x", headers=encoded)
    assert (answer.status_code, answer.json()) == (401, {"status": False, "message": "Invalid key"})


async def test_a_reference_can_be_used_once(stage: Stage) -> None:
    await stage.initialize(reference="INV-1")
    body = {"email": "a@b.co", "amount": 10000, "reference": "INV-1"}
    again = await stage.paystack("POST", "/transaction/initialize", json=body)
    assert again.status_code == 400
    assert again.json() == {
        "status": False,
        "message": "Duplicate Transaction Reference",
        "meta": {"nextStep": "Try and create the Transaction or Charge with a new reference"},
        "type": "validation_error",
        "code": "duplicate_reference",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"email": None}, "missing_params"),
        ({"amount": None}, "missing_params"),
        ({"email": "jane"}, "invalid_email_address"),
        ({"amount": 100.5}, "invalid_params"),
        ({"amount": "75,000"}, "invalid_params"),
        ({"amount": True}, "invalid_params"),
        ({"amount": -7500}, "invalid_params"),
        ({"amount": 4999}, "invalid_amount"),
        ({"amount": 199, "currency": "USD"}, "invalid_amount"),
        ({"reference": "INV_1"}, "invalid_reference"),
        ({"reference": "INV 1"}, "invalid_reference"),
        ({"channels": ["cash"]}, "invalid_params"),
        ({"currency": "XXX"}, "unsupported_currency"),
    ],
)
async def test_a_wrong_request_is_refused_with_its_code(stage: Stage, change: dict[str, Any], code: str) -> None:
    body = {"email": "a@b.co", "amount": 10000, "reference": "INV-1", **change}
    answer = await stage.paystack("POST", "/transaction/initialize", json=body)
    assert answer.status_code in {400, 403}
    assert answer.json()["status"] is False
    assert answer.json()["code"] == code


@pytest.mark.parametrize("body", [b"{", b"[]"])
async def test_a_body_that_is_no_object_is_refused(stage: Stage, body: bytes) -> None:
    answer = await stage.paystack("POST", "/transaction/initialize", content=body)
    assert (answer.status_code, answer.json()["status"]) == (400, False)


async def test_amount_and_metadata_may_be_strings_and_the_body_a_form(stage: Stage) -> None:
    form = {"email": "a@b.co", "amount": "5000", "reference": "f", "metadata": '{"invoice_id": "inv_1"}'}
    answer = await stage.paystack("POST", "/transaction/initialize", data=form)
    assert answer.status_code == 200
    verified = await stage.verify("f")
    assert (verified["requested_amount"], verified["metadata"]) == (5000, {"invoice_id": "inv_1"})


async def test_before_the_payer_acts_a_transaction_is_abandoned(stage: Stage) -> None:
    await stage.initialize()
    data = await stage.verify()
    assert data["status"] == "abandoned"
    assert (data["paid_at"], data["paidAt"], data["fees"]) == (None, None, None)


async def test_a_paid_transaction_tells_all_that_is_documented(stage: Stage) -> None:
    access_code = (await stage.initialize(metadata={"invoice_id": "inv_1"}))["access_code"]
    await stage.pay(access_code, outcome="success", channel="bank_transfer")
    data = await stage.verify()
    assert data["status"] == "success"
    assert (data["amount"], data["requested_amount"], data["currency"]) == (7500000, 7500000, "NGN")
    assert data["fees"] == 122500
    assert data["channel"] == data["authorization"]["channel"] == "bank_transfer"
    assert data["paid_at"] == data["paidAt"] is not None
    assert data["created_at"] == data["createdAt"]
    assert data["metadata"] == {"invoice_id": "inv_1"}
    assert data["customer"]["email"] == "jane@example.com"
    assert data["id"] > 2**53


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("declined", "failed"),
        ("insufficient_funds", "failed"),
        ("abandoned", "abandoned"),
        ("ongoing", "ongoing"),
        ("pending", "pending"),
        ("processing", "processing"),
        ("queued", "queued"),
    ],
)
async def test_what_the_payer_did_is_told_by_verify(stage: Stage, outcome: str, status: str) -> None:
    access_code = (await stage.initialize())["access_code"]
    assert (await stage.pay(access_code, outcome=outcome)).json()["status"] == status
    data = await stage.verify()
    assert (data["status"], data["paid_at"], data["fees"]) == (status, None, None)


async def test_a_declined_payer_may_try_again_but_pays_once(stage: Stage) -> None:
    access_code = (await stage.initialize())["access_code"]
    await stage.pay(access_code, outcome="declined")
    assert (await stage.pay(access_code, outcome="success")).status_code == 200
    assert (await stage.pay(access_code, outcome="success")).status_code == 409
    assert (await stage.pay(access_code, outcome="reversed")).json()["status"] == "reversed"


async def test_a_payer_may_pay_another_amount(stage: Stage) -> None:
    access_code = (await stage.initialize())["access_code"]
    await stage.pay(access_code, outcome="success", amount_minor=5000000)
    data = await stage.verify()
    assert (data["amount"], data["requested_amount"]) == (5000000, 7500000)


async def test_an_unknown_reference_and_an_unknown_route_are_404_in_paystacks_form(stage: Stage) -> None:
    for path in ("/transaction/verify/none", "/transaction/1", "/refund/1", "/dispute/1", "/plan"):
        answer = await stage.paystack("GET", path)
        assert (answer.status_code, answer.json()["status"]) == (404, False)
        assert answer.json()["message"]


async def test_pages_of_the_list(stage: Stage) -> None:
    for number in range(5):
        await stage.initialize(reference=f"r{number}")
    answer = (await stage.paystack("GET", "/transaction", params={"perPage": 2, "page": 2})).json()
    assert [item["reference"] for item in answer["data"]] == ["r2", "r1"]
    meta = {"total": 5, "total_volume": 37500000, "skipped": 2, "perPage": 2, "page": 2, "pageCount": 3}
    assert answer["meta"] == meta


async def test_cursors_of_the_list_go_there_and_back(stage: Stage) -> None:
    for number in range(5):
        await stage.initialize(reference=f"r{number}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"use_cursor": "true", "per_page": 2, "next": cursor}
        answer = (await stage.paystack("GET", "/transaction", params=params)).json()
        seen += [item["reference"] for item in answer["data"]]
        cursor = answer["meta"]["next"]
    assert seen == ["r4", "r3", "r2", "r1", "r0"]
    params = {"use_cursor": "true", "per_page": 2, "previous": answer["meta"]["previous"]}
    answer = (await stage.paystack("GET", "/transaction", params=params)).json()
    assert [item["reference"] for item in answer["data"]] == ["r2", "r1"]


async def test_the_list_can_be_filtered(stage: Stage) -> None:
    paid = (await stage.initialize(reference="paid"))["access_code"]
    await stage.initialize(reference="open")
    await stage.pay(paid, outcome="success")
    answer = (await stage.paystack("GET", "/transaction", params={"status": "success"})).json()
    assert [item["reference"] for item in answer["data"]] == ["paid"]
    later = (await stage.paystack("GET", "/transaction", params={"from": "2100-01-01"})).json()
    assert later["data"] == []


@pytest.mark.parametrize("params", [{"page": 0}, {"from": "soon"}, {"use_cursor": "true", "next": "!"}])
async def test_a_wrong_list_query_is_refused_in_paystacks_form(stage: Stage, params: dict[str, Any]) -> None:
    answer = await stage.paystack("GET", "/transaction", params=params)
    assert (answer.status_code, answer.json()["status"]) == (400, False)


async def test_banks_and_account_names(stage: Stage) -> None:
    banks = (await stage.paystack("GET", "/bank")).json()["data"]
    assert {"058", "001"} <= {bank["code"] for bank in banks}
    params = {"account_number": "0123456789", "bank_code": "058"}
    resolved = (await stage.paystack("GET", "/bank/resolve", params=params)).json()["data"]
    assert resolved["account_number"] == "0123456789"
    assert resolved["account_name"]
    wrong = await stage.paystack("GET", "/bank/resolve", params={"account_number": "12", "bank_code": "058"})
    assert (wrong.status_code, wrong.json()["status"]) == (422, False)


@pytest.mark.parametrize(
    ("amount", "currency", "fees"),
    [
        (249_999, "NGN", 3_750),
        (250_000, "NGN", 13_750),
        (7_500_000, "NGN", 122_500),
        (12_666_700, "NGN", 200_000),
        (100_000_000, "NGN", 200_000),
        (10_000, "GHS", 195),
        (10_000, "ZAR", 390),
    ],
)
def test_fees(amount: int, currency: str, fees: int) -> None:
    assert fees_of(amount, currency) == fees
