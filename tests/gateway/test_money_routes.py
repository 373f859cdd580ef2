"""Money over HTTP, all four services behind it: manual payments, transfers, payout accounts, the pay page."""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from support.backing import S3
from support.keys import Keyring
from support.sample import eventually
from support.sandbox import sandbox_program
from tenancy.house import LINES, PAYSTACK_KEY, House, Merchant, a_merchant, housed

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOTAL = 7_500_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    migrated: dict[str, str],
    redis_url: str,
    s3: S3,
    keyring: Keyring,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with sandbox_program(log, PAYSTACK_SECRET_KEY=PAYSTACK_KEY) as sandbox_url:
        async with housed(migrated, redis_url, s3, keyring, sandbox_url) as house:
            yield house


class Desk:
    """A merchant at work."""

    def __init__(self, merchant: Merchant, headers: dict[str, str]) -> None:
        self.merchant = merchant
        self.headers = headers
        self.client = merchant.house.client

    async def post(self, path: str, body: Any = None, key: str = "") -> httpx.Response:
        keyed = self.headers | {"Idempotency-Key": key or secrets.token_hex(8)}
        return await self.client.post(path, json=body, headers=keyed)

    async def get(self, path: str) -> Any:
        return (await self.client.get(path, headers=self.headers)).raise_for_status().json()

    async def issue(self) -> dict[str, Any]:
        body = {"customer_id": self.merchant.ids["customer_id"], "lines": LINES, "issue": True}
        invoice: dict[str, Any] = (await self.post("/v1/invoices", body)).raise_for_status().json()
        return invoice

    async def stands(self, invoice: dict[str, Any], status: str) -> dict[str, Any]:
        async def so() -> bool:
            return bool((await self.get(f"/v1/invoices/{invoice['id']}"))["status"] == status)

        await eventually(so)
        found: dict[str, Any] = await self.get(f"/v1/invoices/{invoice['id']}")
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(house: House) -> Desk:
    merchant = await a_merchant(house, f"Ada{secrets.token_hex(3)}")
    return Desk(merchant, await merchant.log_in())


def page_of(invoice: dict[str, Any]) -> str:
    return str(invoice["public_url"]).removeprefix("http://pay.test")


async def test_cash_in_two_parts_pays_an_invoice_and_more_is_credit(desk: Desk) -> None:
    invoice = await desk.issue()
    path = f"/v1/invoices/{invoice['id']}/payments"
    without = await desk.client.post(path, json={"method": "cash"}, headers=desk.headers)
    assert (without.status_code, without.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    body = {"method": "cash", "amount_minor": 2_500_000, "paid_at": "2026-11-01T09:30:00+01:00", "note": "part"}
    first = await desk.post(path, body, "part")
    assert first.status_code == 201, first.text
    paid = first.json()
    assert (paid["status"], paid["amount_minor"], paid["channel"]) == ("succeeded", 2_500_000, "cash")
    assert paid["paid_at"] == "2026-11-01T08:30:00Z"
    again = await desk.post(path, body, "part")
    assert again.json() == paid
    assert again.headers["idempotent-replayed"] == "true"
    await desk.stands(invoice, "partially_paid")
    assert (await desk.post(path, {"method": "pos", "amount_minor": 6_000_000})).status_code == 201
    settled = await desk.stands(invoice, "paid")
    assert settled["amount_paid_minor"] == TOTAL
    late = await desk.post(path, {"method": "cash", "amount_minor": 1})
    assert (late.status_code, late.json()["code"]) == (409, "INVOICE_NOT_PAYABLE")
    listed = (await desk.get(path))["data"]
    assert [row["amount_minor"] for row in listed] == [6_000_000, 2_500_000]


async def test_a_claimed_transfer_is_confirmed(desk: Desk) -> None:
    invoice = await desk.issue()
    assert (await desk.client.post(f"{page_of(invoice)}/transfer-sent")).status_code == 303
    confirmed = await desk.post(f"/v1/invoices/{invoice['id']}/confirm-transfer")
    assert confirmed.status_code == 200, confirmed.text
    assert (confirmed.json()["amount_minor"], confirmed.json()["channel"]) == (TOTAL, "bank_transfer")
    assert (await desk.stands(invoice, "paid"))["transfer_claimed_at"] is None


async def test_the_pay_page_shows_the_merchants_account_and_a_one_time_account_on_request(desk: Desk) -> None:
    account = (await desk.get("/v1/business/payout-account"))["active"]
    invoice = await desk.issue()
    page = (await desk.client.get(page_of(invoice))).text
    shown = re.search(r"<strong>(\d{10})</strong>", page)
    assert shown
    assert shown[1].endswith(account["account_number"])
    assert len(account["account_number"]) == 4
    assert f"<strong>{invoice['number']}</strong> in the narration" in page
    transfer = await desk.client.post(f"{page_of(invoice)}/transfer")
    assert transfer.status_code == 200
    assert "Send exactly this amount" in transfer.text
    assert "₦75,000.00" in transfer.text
    again = await desk.client.post(f"{page_of(invoice)}/transfer")
    number = re.search(r"<strong>(\d+)</strong>", transfer.text)
    assert number
    assert number[1] in again.text
    assert number[1] != shown[1]


async def test_a_payout_account_changes_tomorrow(desk: Desk) -> None:
    body = {"bank_code": "035", "account_number": "0123456789"}
    changed = await desk.client.put("/v1/business/payout-account", json=body, headers=desk.headers)
    assert changed.status_code == 200, changed.text
    assert changed.json()["pending"]["account_number"] == "6789"
    assert changed.json()["pending_from"]
    assert await desk.get("/v1/business/payout-account") == changed.json()
    wrong = await desk.client.put(
        "/v1/business/payout-account", json=body | {"bank_code": "nowhere"}, headers=desk.headers
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "BANK_UNKNOWN")
    assert wrong.json()["errors"][0]["field"] == "bank_code"


async def test_banks_and_an_account_of_a_customers_own(desk: Desk) -> None:
    banks = (await desk.get("/v1/banks?currency=NGN"))["data"]
    assert {"code": "035", "name": "Wema Bank"} in banks
    path = f"/v1/customers/{desk.merchant.ids['customer_id']}/virtual-account"
    first, second = await desk.post(path), await desk.post(path)
    assert first.status_code == 200
    assert first.json() == second.json()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("payments", {"method": "barter"}, "method"),
        ("payments", {"method": "cash", "amount_minor": 0}, "amount_minor"),
        ("payments", {"method": "cash", "paid_at": "2026-11-01T09:30:00"}, "paid_at"),
        ("payments", {"method": "cash", "paid_at": "0001-01-01T00:00:00+14:00"}, "paid_at"),
        ("payments", {"method": "cash", "surprise": 1}, "surprise"),
        ("confirm-transfer", {"amount_minor": -5}, "amount_minor"),
    ],
)
async def test_a_wrong_field_is_named(desk: Desk, path: str, body: dict[str, Any], field: str) -> None:
    refused = await desk.post(f"/v1/invoices/{desk.merchant.ids['invoice_id']}/{path}", body)
    assert refused.status_code == 422
    assert field in [error["field"] for error in refused.json()["errors"]]
