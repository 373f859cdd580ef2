"""Subaccounts, how a charge is shared with one, and a payer who bears the fees."""

from typing import Any

import httpx
import pytest
from support.sandbox_stage import Stage, until
from whatsinvoice_sandbox.paystack.fees import fees_of, with_fees

ADA = {"business_name": "Ada", "settlement_bank": "058", "account_number": "0123456789", "percentage_charge": 10}


async def made(stage: Stage, **fields: Any) -> httpx.Response:
    return await stage.paystack("POST", "/subaccount", json={**ADA, **fields})


async def test_a_subaccount_is_made_on_an_account_that_resolves(stage: Stage) -> None:
    answer = await made(stage)
    data = answer.json()["data"]
    assert (answer.status_code, data["settlement_bank"], data["active"]) == (201, "Guaranty Trust Bank", True)
    listed = (await stage.paystack("GET", "/subaccount")).json()["data"]
    assert [(known["subaccount_code"], known["active"]) for known in listed] == [(data["subaccount_code"], 1)]
    changed = {"account_number": "1111111111", "settlement_bank": "044", "active": False}
    await stage.paystack("PUT", f"/subaccount/{data['subaccount_code']}", json=changed)
    fetched = (await stage.paystack("GET", f"/subaccount/{data['id']}")).json()["data"]
    assert (fetched["account_number"], fetched["settlement_bank"]) == ("1111111111", "Access Bank")
    assert (fetched["active"], fetched["business_name"]) == (False, "Ada")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"settlement_bank": "999"}, "invalid_params"),
        ({"account_number": "12"}, "invalid_params"),
        ({"percentage_charge": 101}, "invalid_params"),
        ({"percentage_charge": "NaN"}, "invalid_params"),
        ({"business_name": ""}, "missing_params"),
    ],
)
async def test_a_wrong_subaccount_is_refused(stage: Stage, fields: dict[str, Any], code: str) -> None:
    answer = await made(stage, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await stage.paystack("GET", "/subaccount/ACCT_none")).status_code == 404


@pytest.mark.parametrize(
    ("how", "main", "sub"),
    [
        ({}, 750000 - 122500, 6750000),
        ({"bearer": "subaccount"}, 750000, 6750000 - 122500),
        ({"transaction_charge": "200000", "bearer": "subaccount"}, 200000, 7300000 - 122500),
    ],
)
async def test_a_charge_is_shared(stage: Stage, how: dict[str, str], main: int, sub: int) -> None:
    code = (await made(stage)).json()["data"]["subaccount_code"]
    access_code = (await stage.initialize(subaccount=code, **how))["access_code"]
    await stage.pay(access_code, outcome="success")
    data = await stage.verify()
    assert data["subaccount"]["subaccount_code"] == code
    shares = data["fees_split"]
    assert (shares["paystack"], shares["integration"], shares["subaccount"]) == (122500, main, sub)


async def test_the_webhooks_name_the_subaccount_in_two_ways(stage: Stage) -> None:
    code = (await made(stage)).json()["data"]["subaccount_code"]
    for number in range(4):
        access_code = (await stage.initialize(reference=f"r{number}", subaccount=code))["access_code"]
        await stage.pay(access_code, outcome="success")
    await until(lambda: len(stage.told()) == 4)
    assert {type(told["data"]["subaccount"]) for told in stage.told()} == {dict, str}


@pytest.mark.parametrize(
    ("how", "status"),
    [({"subaccount": "ACCT_none"}, 404), ({"bearer": "customer"}, 400), ({"transaction_charge": "-1"}, 400)],
)
async def test_a_wrong_share_is_refused(stage: Stage, how: dict[str, str], status: int) -> None:
    code = (await made(stage)).json()["data"]["subaccount_code"]
    body = {"email": "a@b.co", "amount": 10000, "reference": "r", "subaccount": code, **how}
    assert (await stage.paystack("POST", "/transaction/initialize", json=body)).status_code == status
    assert (await stage.paystack("GET", "/transaction/verify/r")).status_code == 404


async def test_a_payer_may_bear_the_fees(stage: Stage) -> None:
    access_code = (await stage.initialize())["access_code"]
    both = await stage.pay(access_code, outcome="success", payer_bears_fees=True, amount_minor=1)
    assert both.status_code == 422
    await stage.pay(access_code, outcome="success", payer_bears_fees=True)
    data = await stage.verify()
    assert data["requested_amount"] == 7500000
    assert data["amount"] == data["requested_amount"] + data["fees"]
    assert (await stage.ledger())["balance"] == {"NGN": 7500000}


@pytest.mark.parametrize("currency", ["NGN", "GHS", "ZAR", "KES", "USD"])
def test_with_fees_on_top_all_that_was_asked_is_left(currency: str) -> None:
    for asked in (*range(5000, 5400, 7), *range(244_000, 252_000, 111), 7_500_000, 13_333_333):
        paid = with_fees(asked, currency, "card")
        assert paid - fees_of(paid, currency) == asked
