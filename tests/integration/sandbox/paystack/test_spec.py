"""Every answer of every endpoint, compared with Paystack's own specification."""

from typing import Any

import httpx
import pytest
from support.paystack_spec import PaystackSpec, find_spec
from support.sandbox_stage import Stage, until
from whatsinvoice_sandbox.faults import FaultyRoute
from whatsinvoice_sandbox.paystack.app import ROUTERS

SLIPS = {
    "GET /charge/{reference} data.authorization required": "nothing is authorized before the payer has paid",
    "GET /charge/{reference} data.authorization.signature type": "only cards have a signature; samples say null",
    "GET /charge/{reference} data.metadata type": "no metadata is an empty string, as verify's own schema has it",
    "GET /dedicated_account/available_providers data type": "given as an object; several providers are a list",
    "GET /dispute data.[].customer.metadata type": "text here, an object elsewhere; it is what the merchant gave",
    "GET /dispute data.[].transaction.metadata type": "no metadata is an empty string, as verify's own schema has it",
    "GET /dispute/transaction/{id} data.transaction.metadata type": "as above",
    "GET /dispute/{id} data.transaction.metadata type": "as above",
    "PUT /dispute/{id} data.transaction.metadata type": "as above",
    "PUT /dispute/{id}/resolve data.resolvedAt type": "a declined dispute is not resolved before the bank has decided",
    "GET /refund data.[].customer.metadata type": "text here, an object elsewhere; it is what the merchant gave",
    "GET /refund/{id} data.customer.metadata type": "as above",
    "GET /transaction data.[].authorization required": "nothing is authorized before the payer has paid",
    "GET /transaction data.[].fees_split type": "given as a number; with a subaccount it is an object in every sample",
    "GET /transaction data.[].metadata type": "no metadata or plain text is a string, as verify's own schema has it",
    "GET /transaction data.[].paidAt type": "null before the payment, as its twin paid_at may be",
    "GET /transaction/verify/{reference} data.authorization.bank type": "null for a transfer in the samples",
    "GET /transaction/verify/{reference} data.authorization.signature type": "only cards have a signature",
    "GET /transaction/verify/{reference} code enum": "the words of `type` stand under `code` in the schema of errors",
    "POST /charge data required": "given as a paid card; the pages of both channels show what the payer shall do",
}
EVIDENCE = {
    "customer_email": "jane@example.com",
    "customer_name": "Jane Doe",
    "customer_phone": "+2348012345678",
    "service_details": "One cake",
    "delivery_address": "3 Allen Avenue, Ikeja",
    "delivery_date": "2026-01-05",
}
JANE = {"email": "jane@example.com", "first_name": "Jane", "last_name": "Doe", "phone": "+2348012345678"}
METADATA = {"invoice_id": "inv_1", "custom_fields": [{"value": "1", "display_name": "No", "variable_name": "no"}]}


class Checked:
    """Calls the sandbox and keeps what the specification says otherwise, and which operations were tried."""

    def __init__(self, stage: Stage, spec: PaystackSpec) -> None:
        self.stage, self.spec = stage, spec
        self.slips: set[str] = set()
        self.seen: set[str] = set()

    async def call(self, method: str, path: str, status: int = 200, **how: Any) -> Any:
        answer: httpx.Response = await self.stage.paystack(method, path, **how)
        assert answer.status_code == status, answer.text
        operation = self.spec.operation(method, path)
        self.seen.add(operation)
        self.slips |= self.spec.slips(operation, status, answer.json())
        return answer.json().get("data")


async def everyone(checked: Checked) -> None:
    """Customers, accounts, banks: what needs no payment."""
    customer = await checked.call("POST", "/customer", json={**JANE, "metadata": {"calling_code": "+234"}})
    await checked.call("GET", f"/customer/{customer['customer_code']}")
    await checked.call("GET", "/bank")
    await checked.call("GET", "/bank/resolve", params={"account_number": "0123456789", "bank_code": "058"})
    bank = {"settlement_bank": "058", "account_number": "0123456789", "percentage_charge": 2.5}
    contact = {"description": "Cakes", "primary_contact_name": "A", "primary_contact_email": "a@b.co"}
    contact |= {"primary_contact_phone": "1", "metadata": "{}"}
    body = {"business_name": "Ada", **bank, **contact}
    code = (await checked.call("POST", "/subaccount", 201, json=body))["subaccount_code"]
    await checked.call("GET", "/subaccount")
    await checked.call("GET", f"/subaccount/{code}")
    await checked.call("PUT", f"/subaccount/{code}", json={"description": "Pies"})
    accounts = "/dedicated_account"
    asked = {"customer": customer["customer_code"], "preferred_bank": "wema-bank", "subaccount": code}
    account = await checked.call("POST", accounts, json=asked)
    await checked.call("GET", accounts)
    await checked.call("GET", f"{accounts}/available_providers")
    await checked.call("POST", f"{accounts}/assign", json={**JANE, "preferred_bank": "test-bank", "country": "NG"})
    which = {"account_number": account["account_number"], "provider_slug": "wema-bank"}
    await checked.call("GET", f"{accounts}/requery", params=which)
    await checked.call("GET", f"{accounts}/{account['id']}")
    await checked.call("DELETE", f"{accounts}/{account['id']}")


async def payments(checked: Checked) -> None:
    """Transactions unpaid, failed and paid in every way; refunds in every state."""
    subaccount = await checked.call("GET", "/subaccount")
    code = subaccount[0]["subaccount_code"]
    for reference, outcome, channel, extra in (
        ("open", "", "", {}),
        ("failed", "declined", "card", {}),
        ("card", "success", "card", {"metadata": METADATA}),
        ("shared", "success", "bank_transfer", {"subaccount": code, "metadata": METADATA}),
        ("dialled", "success", "ussd", {"metadata": "plain"}),
    ):
        body = {"email": "jane@example.com", "amount": 7500000, "reference": reference, **extra}
        data = await checked.call("POST", "/transaction/initialize", json=body)
        if outcome:
            await checked.stage.pay(data["access_code"], outcome=outcome, channel=channel)
        await checked.call("GET", f"/transaction/verify/{reference}")
    await checked.call("GET", f"/transaction/{(await checked.stage.verify('card'))['id']}")
    await checked.call("GET", "/transaction")
    await checked.call("POST", "/transaction/initialize", 400, json=body)
    await checked.call("GET", "/transaction/verify/none", 404)
    charge = {"email": "jane@example.com", "amount": 10000}
    await checked.call("POST", "/charge", json={**charge, "reference": "pwt", "bank_transfer": {}})
    await checked.call("POST", "/charge", json={**charge, "reference": "dial", "ussd": {"type": "737"}})
    await checked.call("GET", "/charge/pwt")
    await checked.stage.control("POST", "/charges/dial", json={"outcome": "success", "channel": "ussd"})
    await checked.call("GET", "/charge/dial")
    await checked.call("GET", "/balance")


async def refunds(checked: Checked) -> None:
    await checked.stage.control("POST", "/refunds", json={"hold": True})
    for status in ("processing", "processed", "failed", "needs-attention"):
        refund = await checked.call("POST", "/refund", json={"transaction": "card", "amount": 100})
        await checked.stage.control("POST", f"/refunds/{refund['id']}", json={"status": status})
        await checked.call("GET", f"/refund/{refund['id']}")
    await checked.call("GET", "/refund")
    account = {"currency": "NGN", "account_number": "0123456789", "bank_id": "9"}
    retry = f"/refund/retry_with_customer_details/{refund['id']}"
    await checked.call("POST", retry, json={"refund_account_details": account})


async def disputes(checked: Checked) -> None:
    for reference, resolution in (("card", "declined"), ("dialled", "merchant-accepted")):
        opened = await checked.stage.control("POST", "/disputes", json={"reference": reference, "amount_minor": 100})
        path = f"/dispute/{opened.json()['id']}"
        await checked.call("GET", path)
        evidence = await checked.call("POST", f"{path}/evidence", json=EVIDENCE)
        upload = await checked.call("GET", f"{path}/upload_url", params={"upload_filename": "a.pdf"})
        assert (await checked.stage.http.put(upload["signedUrl"], content=b"%PDF")).status_code == 200
        answer = {"refund_amount": 50, "uploaded_filename": upload["fileName"]}
        await checked.call("PUT", path, json=answer)
        answer |= {"resolution": resolution, "message": "See the file", "evidence": evidence["id"]}
        await checked.call("PUT", f"{path}/resolve", json=answer)
        await checked.call("GET", f"/dispute/transaction/{(await checked.stage.verify(reference))['id']}")
    await checked.call("GET", "/dispute")


@pytest.fixture
async def checked(stage: Stage) -> Checked:
    seen = Checked(stage, PaystackSpec(find_spec()))
    for part in (everyone, payments, refunds, disputes):
        await part(seen)
    await until(lambda: stage.told("charge.dispute.resolve"))
    return seen


async def test_every_answer_is_as_specified_but_for_the_known_slips(checked: Checked) -> None:
    assert sorted(checked.slips - SLIPS.keys()) == []
    assert sorted(SLIPS.keys() - checked.slips) == [], "these are as specified by now: take them out of the table"
    print(f"{len(checked.seen)} operations as specified, {len(SLIPS)} known slips")  # noqa: T201  the figure is asked for


async def test_every_endpoint_was_asked(checked: Checked) -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, FaultyRoute)]
    has = {checked.spec.operation(method, route.path) for route in routes for method in route.methods or ()}
    assert checked.seen == has
    assert len(has) == len(routes)
