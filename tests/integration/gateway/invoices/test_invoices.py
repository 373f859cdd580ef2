"""Invoices over HTTP: the happy way, keys, paging, and what is refused."""

from typing import Any

import httpx
import pytest
from support.http import keyed

BODY: dict[str, Any] = {
    "customer": {"name": "Jane Okafor", "phone": "08012345678"},
    "lines": [{"description": "logo design", "quantity": "1", "unit_price_minor": 7_500_000}],
    "terms_days": 7,
}


async def test_create_issue_and_read(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    draft = await gateway.post("/v1/invoices", json=BODY, headers=owner)
    assert draft.status_code == 201, draft.text
    assert draft.json()["status"] == "draft"
    assert draft.json()["public_url"] is None
    issued = await gateway.post(
        f"/v1/invoices/{draft.json()['id']}/issue", headers={**owner, "Idempotency-Key": "issue-1"}
    )
    assert issued.status_code == 200, issued.text
    assert issued.json()["number"] == "INV-000001"
    read = await gateway.get(f"/v1/invoices/{draft.json()['id']}", headers=owner)
    assert read.json() == issued.json()
    assert read.headers["etag"] == f'"{read.json()["version"]}"'
    events = await gateway.get(f"/v1/invoices/{draft.json()['id']}/events", headers=owner)
    assert [event["kind"] for event in events.json()["data"]] == ["created", "issued"]


async def test_the_pdf_is_a_pdf(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    created = await gateway.post("/v1/invoices", json={**BODY, "issue": True}, headers=keyed(owner))
    pdf = await gateway.get(f"/v1/invoices/{created.json()['id']}/pdf", headers=owner)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")


async def test_a_key_repeats_the_first_answer_and_refuses_another_body(
    gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    headers = {**owner, "Idempotency-Key": "create-1"}
    first = await gateway.post("/v1/invoices", json=BODY, headers=headers)
    second = await gateway.post("/v1/invoices", json=BODY, headers=headers)
    assert second.json() == first.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = await gateway.post("/v1/invoices", json={**BODY, "notes": "x"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_issuing_needs_a_key_and_happens_once(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    draft = (await gateway.post("/v1/invoices", json=BODY, headers=owner)).json()
    url = f"/v1/invoices/{draft['id']}/issue"
    without = await gateway.post(url, headers=owner)
    assert (without.status_code, without.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    assert (await gateway.post(url, headers={**owner, "Idempotency-Key": "a"})).status_code == 200
    again = await gateway.post(url, headers={**owner, "Idempotency-Key": "b"})
    assert (again.status_code, again.json()["code"]) == (409, "INVOICE_NOT_DRAFT")


async def test_a_list_ends_with_a_null_cursor(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    for _ in range(3):
        await gateway.post("/v1/invoices", json=BODY, headers=owner)
    first = (await gateway.get("/v1/invoices?limit=2", headers=owner)).json()
    last = (await gateway.get(f"/v1/invoices?limit=2&cursor={first['next_cursor']}", headers=owner)).json()
    assert (len(first["data"]), len(last["data"]), last["next_cursor"]) == (2, 1, None)
    filtered = (await gateway.get("/v1/invoices?status=open", headers=owner)).json()
    assert filtered == {"data": [], "next_cursor": None}


async def test_customers(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    made = await gateway.post("/v1/customers", json={"name": "Jane", "phone": "08012345678"}, headers=owner)
    assert (made.status_code, made.json()["phone"]) == (201, "+2348012345678")
    again = await gateway.post("/v1/customers", json={"name": "J", "phone": "08012345678"}, headers=owner)
    assert (again.status_code, again.json()["code"]) == (409, "CUSTOMER_EXISTS")
    assert (await gateway.get(f"/v1/customers/{made.json()['id']}", headers=owner)).json() == made.json()
    assert (await gateway.get("/v1/customers", headers=owner)).json()["data"] == [made.json()]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"surprise": 1}, "surprise"),
        ({"lines": [{"description": "x", "unit_price_minor": 1.5}]}, "lines[0].unit_price_minor"),
        ({"lines": [{"description": "x", "unit_price_minor": "100"}]}, "lines[0].unit_price_minor"),
        ({"lines": [{"description": "x", "unit_price_minor": 100, "tax": 1}]}, "lines[0].tax"),
        ({"lines": [{"description": "x", "unit_price_minor": 100, "quantity": "0"}]}, "lines[0].quantity"),
        ({"lines": []}, "lines"),
        ({"due_date": "soon"}, "due_date"),
        ({"customer": {"name": "Jane", "phone": "1234"}}, "customer.phone"),
    ],
)
async def test_a_wrong_field_is_named(
    gateway: httpx.AsyncClient, owner: dict[str, str], change: dict[str, Any], field: str
) -> None:
    refused = await gateway.post("/v1/invoices", json={**BODY, **change}, headers=owner)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in refused.json()["errors"]]


async def test_a_draft_is_deleted(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    draft = (await gateway.post("/v1/invoices", json=BODY, headers=owner)).json()
    assert (await gateway.delete(f"/v1/invoices/{draft['id']}", headers=owner)).status_code == 204
    gone = await gateway.get(f"/v1/invoices/{draft['id']}", headers=owner)
    assert (gone.status_code, gone.json()["code"]) == (404, "INVOICE_NOT_FOUND")
