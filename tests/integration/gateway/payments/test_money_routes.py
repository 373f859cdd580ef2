"""Money over HTTP, all four services behind it: by hand, by transfer, by card and back again; the pay page."""

import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from support.backing import S3
from support.house import LINES, PAYSTACK_KEY, House, Merchant, a_merchant, housed
from support.keys import Keyring
from support.sample import eventually
from support.sandbox import sandbox_program
from whatsinvoice_payments.domain.webhook import signature_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOTAL = 7_500_000


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("sandbox") / "log"
    with sandbox_program(log, PAYSTACK_SECRET_KEY=PAYSTACK_KEY) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    migrated: dict[str, str], redis_url: str, s3: S3, keyring: Keyring, sandbox_url: str
) -> AsyncIterator[House]:
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
    more = {"method": "pos", "amount_minor": 6_000_000}
    refused = await desk.post(path, more)
    assert (refused.status_code, refused.json()["code"]) == (422, "AMOUNT_TOO_LARGE")
    assert (await desk.post(path, more | {"as_credit": True})).status_code == 201
    settled = await desk.stands(invoice, "paid")
    assert (settled["amount_paid_minor"], settled["credit_minor"]) == (TOTAL, 1_000_000)
    page = (await desk.client.get(page_of(invoice))).text
    assert "₦10,000.00 was paid beyond what was due." in page
    late = await desk.post(path, {"method": "cash", "amount_minor": 1})
    assert (late.status_code, late.json()["code"]) == (409, "INVOICE_NOT_PAYABLE")
    listed = (await desk.get(path))["data"]
    assert [row["amount_minor"] for row in listed] == [6_000_000, 2_500_000]


async def test_f37_a_payment_that_was_entered_is_undone(desk: Desk) -> None:
    invoice = await desk.issue()
    paid = (await desk.post(f"/v1/invoices/{invoice['id']}/payments", {"method": "cash"})).json()
    await desk.stands(invoice, "paid")
    path = f"/v1/payments/{paid['id']}/undo"
    without = await desk.client.post(path, json={"reason": "typed twice"}, headers=desk.headers)
    assert (without.status_code, without.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert (await desk.post(path, {"reason": " "})).status_code == 422
    undone = await desk.post(path, {"reason": "typed twice"})
    assert undone.status_code == 200, undone.text
    assert (undone.json()["status"], undone.json()["reason"]) == ("reversed", "typed twice")
    again = await desk.stands(invoice, "open")
    assert (again["amount_due_minor"], again["amount_paid_minor"]) == (TOTAL, 0)
    balances = {row["account"]: row["balance_minor"] for row in (await desk.get("/v1/balance"))["accounts"]}
    assert sum(balances.values()) == 0


async def test_f34_public_pages_answer_head_and_any_reference(desk: Desk) -> None:
    invoice = await desk.issue()
    for path in (page_of(invoice), f"{page_of(invoice)}/pdf"):
        head = await desk.client.head(path)
        assert (head.status_code, head.content) == (200, b"")
    long = await desk.client.get(page_of(invoice), params={"reference": "x" * 3_000})
    assert long.status_code == 200
    assert long.headers["content-type"].startswith("text/html")
    assert "<button" in long.text


async def test_f34_a_statement_in_a_currency_that_is_not_carried_is_refused(desk: Desk) -> None:
    answer = await desk.client.get("/v1/ledger/statement", params={"currency": "AAA"}, headers=desk.headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "CURRENCY_UNKNOWN")


async def test_f10_what_strangers_may_ask_of_one_link_is_limited(desk: Desk) -> None:
    invoice, other = await desk.issue(), await desk.issue()
    for _ in range(45):  # twice the limit and more: a minute may end in between
        limited = await desk.client.post(f"{page_of(invoice)}/transfer-sent")
        if limited.status_code != 303:
            break
    assert limited.status_code == 429
    assert limited.headers["content-type"].startswith("text/html")
    assert int(limited.headers["retry-after"]) >= 1
    assert (await desk.client.post(f"{page_of(other)}/transfer-sent")).status_code == 303


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


class Provider:
    """Paystack, as the sandbox plays it: what its people do, and what it tells."""

    def __init__(self, desk: Desk, url: str) -> None:
        self.desk = desk
        self.url = url

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {PAYSTACK_KEY}"}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, headers=headers) as sandbox:
            return (await sandbox.request(method, path, json=body)).raise_for_status().json()

    async def tell(self, event: str, data: dict[str, Any]) -> None:
        """A webhook as Paystack signs it."""
        body = json.dumps({"event": event, "data": data}).encode()
        headers = {"x-paystack-signature": signature_of(PAYSTACK_KEY, body), "content-type": "application/json"}
        (await self.desk.client.post("/webhooks/paystack", content=body, headers=headers)).raise_for_status()

    async def paid(self) -> dict[str, Any]:
        """A payment whose payer has paid at the checkout."""
        invoice = await self.desk.issue()
        opened = await self.desk.client.post(f"{page_of(invoice)}/pay")
        code = opened.headers["location"].rpartition("/")[2]
        await self.ask("POST", f"/_control/checkouts/{code}", {"outcome": "success"})
        [payment] = (await self.desk.get(f"/v1/invoices/{invoice['id']}/payments"))["data"]
        charge = await self.ask("GET", f"/paystack/transaction/verify/{payment['reference']}")
        await self.tell("charge.success", charge["data"])
        await self.desk.stands(invoice, "paid")
        return dict(payment)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider(desk: Desk, sandbox_url: str) -> Provider:
    return Provider(desk, sandbox_url)


async def becomes(desk: Desk, path: str, status: str) -> dict[str, Any]:
    async def so() -> bool:
        return bool((await desk.get(path))["status"] == status)

    await eventually(so)
    found: dict[str, Any] = await desk.get(path)
    return found


async def test_a_part_of_a_payment_is_given_back_and_due_again(desk: Desk, provider: Provider) -> None:
    payment = await provider.paid()
    path = f"/v1/payments/{payment['id']}/refunds"
    without = await desk.client.post(path, json={}, headers=desk.headers)
    assert (without.status_code, without.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    large = await desk.post(path, {"amount_minor": TOTAL + 1})
    assert (large.status_code, large.json()["code"]) == (422, "AMOUNT_TOO_LARGE")
    wanted = {"amount_minor": 2_500_000, "reason": "damaged", "reopen": True}
    made = await desk.post(path, wanted, "refund")
    assert made.status_code == 201, made.text
    refund = made.json()
    assert (refund["status"], refund["amount_minor"], refund["reason"]) == ("pending", 2_500_000, "damaged")
    assert (await desk.post(path, wanted, "refund")).json() == refund

    async def sent() -> bool:
        ledger = await provider.ask("GET", "/_control/ledger")
        found.extend(row["id"] for row in ledger["refunds"] if row["merchant_note"] == refund["id"])
        return bool(found)

    found: list[int] = []
    await eventually(sent)
    await provider.ask("POST", f"/_control/refunds/{found[0]}", {"status": "processed"})
    await provider.tell("refund.processed", {"transaction_reference": payment["reference"], "amount": "1"})
    done = await becomes(desk, f"/v1/refunds/{refund['id']}", "processed")
    assert done["ended_at"] is not None
    assert (await desk.get(f"/v1/payments/{payment['id']}"))["refunded_minor"] == 2_500_000
    due = await becomes(desk, f"/v1/invoices/{payment['invoice_id']}", "partially_paid")
    assert due["amount_due_minor"] == 2_500_000
    for status, shown in (("succeeded", True), ("quarantined", False)):
        listed = (await desk.get(f"/v1/payments?status={status}"))["data"]
        assert (payment["id"] in [row["id"] for row in listed]) is shown
    unknown = await desk.client.get("/v1/payments?status=held", headers=desk.headers)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "status")
    listed = (await desk.get(f"/v1/refunds?payment_id={payment['id']}"))["data"]
    assert [row["id"] for row in listed] == [refund["id"]]
    nothing = await desk.post(f"/v1/refunds/{refund['id']}/retry", {"bank_code": "035", "account_number": "0123456789"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "REFUND_NEEDS_NOTHING")


async def test_a_dispute_is_contested_with_evidence_and_another_accepted(desk: Desk, provider: Provider) -> None:
    ids: list[str] = []
    for _ in range(2):
        payment = await provider.paid()
        opened = await provider.ask("POST", "/_control/disputes", {"reference": payment["reference"]})
        await provider.tell("charge.dispute.create", opened)

        async def known(payment_id: str = payment["id"]) -> bool:
            listed = (await desk.get("/v1/disputes"))["data"]
            ids.extend(row["id"] for row in listed if row["payment_id"] == payment_id)
            return bool(ids and (await desk.get(f"/v1/disputes/{ids[-1]}"))["payment_id"] == payment_id)

        await eventually(known)
    evidence = await desk.client.get(f"/v1/disputes/{ids[0]}/evidence", headers=desk.headers)
    assert (evidence.status_code, evidence.headers["content-type"]) == (200, "application/pdf")
    assert evidence.content.startswith(b"%PDF")
    contested = await desk.post(f"/v1/disputes/{ids[0]}/contest", {"message": "It was delivered."})
    assert (contested.status_code, contested.json()["status"]) == (200, "awaiting"), contested.text
    accepted = await desk.post(f"/v1/disputes/{ids[-1]}/accept")
    assert (accepted.status_code, accepted.json()["status"]) == (200, "resolved"), accepted.text
    assert accepted.json()["lost_minor"] == TOTAL
    again = await desk.post(f"/v1/disputes/{ids[-1]}/accept")
    assert (again.status_code, again.json()["code"]) == (409, "DISPUTE_RESOLVED")
    await becomes(desk, f"/v1/invoices/{payment['invoice_id']}", "open")
