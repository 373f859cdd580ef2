"""F9: every route that writes to a phone that is not the member's own has a limit per business and day.

A new write fails here until it is known whether it makes a message to somebody's phone.
"""

import secrets
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.dialects.postgresql import insert
from support.house import LINES, House, Merchant, a_merchant
from support.http import keyed
from support.server_fixtures import keyring
from whatsinvoice_auth.models import DAILY_COUNTS as OF_AUTH
from whatsinvoice_invoices.models import DAILY_COUNTS as OF_INVOICES
from whatsinvoice_kit.core.clock import now
from whatsinvoice_payments.models import DAILY_COUNTS as OF_PAYMENTS

__all__ = ["keyring"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES = {"auth": OF_AUTH, "invoices": OF_INVOICES, "payments": OF_PAYMENTS}
JANE = {"customer": {"name": "Jane", "phone": "+2348030000321"}, "lines": LINES, "issue": True}
WRITES: dict[str, tuple[str, Any]] = {
    "POST /v1/business/members": ("auth", {"phone": "+2348030000322", "role": "staff"}),
    "POST /v1/invoices": ("invoices", JANE),
    "POST /v1/invoices/{invoice_id}/issue": ("invoices", None),
    "POST /v1/invoices/{invoice_id}/payments": ("payments", {"method": "cash", "amount_minor": 100}),
    "POST /v1/invoices/{invoice_id}/confirm-transfer": ("payments", {"amount_minor": 100}),
    "POST /v1/payments/{payment_id}/undo": ("payments", {"reason": "a slip"}),
    "POST /v1/payments/{payment_id}/release": ("payments", None),
    "POST /v1/payments/{payment_id}/refunds": ("payments", {"amount_minor": 100}),
}
"""A message goes to a phone that the business named: the service that counts, and a body."""
SILENT = {
    "POST /v1/customers": "nobody is written to",
    "POST /v1/invoices/{invoice_id}/void": "the customer is not told",
    "POST /v1/invoices/{invoice_id}/reject-transfer": "the customer is not told",
    "DELETE /v1/invoices/{invoice_id}": "drafts alone",
    "POST /v1/refunds/{refund_id}/retry": "the refund was counted when it was given",
    "POST /v1/disputes/{dispute_id}/accept": "members are told",
    "POST /v1/disputes/{dispute_id}/contest": "members are told",
    "POST /v1/customers/{customer_id}/virtual-account": "nobody is written to",
    "PUT /v1/business/payout-account": "members are told",
    "PATCH /v1/business": "nobody is written to",
    "PATCH /v1/business/members/{member_id}": "nobody is written to",
    "DELETE /v1/business/members/{member_id}": "nobody is written to",
    "POST /v1/business/leave": "nobody is written to",
    "POST /v1/invitations/{invitation_id}/accept": "nobody is written to",
    "POST /v1/invitations/{invitation_id}/decline": "nobody is written to",
    "POST /v1/api-keys": "nobody is written to",
    "DELETE /v1/api-keys/{api_key_id}": "nobody is written to",
    "POST /v1/auth/password/change": "nobody is written to",
    "POST /v1/auth/logout": "nobody is written to",
    "POST /v1/auth/logout-all": "nobody is written to",
    "POST /v1/auth/confirm": "nobody is written to",
    "POST /v1/auth/confirm/code": "the member's own phone, limited per phone",
    "POST /v1/auth/switch": "nobody is written to",
    "DELETE /v1/auth/sessions/{session_id}": "nobody is written to",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def merchant(house: House) -> Merchant:
    return await a_merchant(house, f"Ada{secrets.token_hex(3)}")


async def use_up(house: House, service: str, business_id: str, day: str = "today") -> None:
    """Let the business have done on a day (UTC) more than any limit allows."""
    table = TABLES[service]
    when = now().date() - timedelta(days={"today": 0, "yesterday": 1}[day])
    used = insert(table).values(business_id=business_id, day=when, count=10**9)
    again = {"day": used.excluded.day, "count": used.excluded.count}
    async with house.processes[service].unit_of_work.begin() as tx:
        await tx.execute(used.on_conflict_do_update(index_elements=[table.c.business_id], set_=again))


async def send(merchant: Merchant, route: str) -> httpx.Response:
    method, path = route.split()
    headers = keyed(await merchant.log_in())
    body = WRITES[route][1]
    return await merchant.house.client.request(method, path.format(**merchant.ids), json=body, headers=headers)


async def test_f09_every_write_says_whether_it_writes_to_a_phone(house: House) -> None:
    document = (await house.client.get("/openapi.json")).json()
    found = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "get" and operation.get("security")
    }
    assert found == WRITES.keys() | SILENT.keys()


@pytest.mark.parametrize("route", WRITES)
async def test_f09_beyond_the_limit_of_a_day_a_write_is_refused(house: House, merchant: Merchant, route: str) -> None:
    service = WRITES[route][0]
    await use_up(house, service, merchant.business_id)
    refused = await send(merchant, route)
    assert (refused.status_code, refused.json()["code"]) == (429, "DAILY_LIMIT_REACHED"), refused.text
    assert "try again tomorrow" in refused.json()["detail"]
    assert 1 <= int(refused.headers["retry-after"]) <= 86_400
    await use_up(house, service, merchant.business_id, "yesterday")
    assert (await send(merchant, route)).status_code != 429


async def test_f09_an_invoice_without_a_phone_is_not_counted(house: House, merchant: Merchant) -> None:
    await use_up(house, "invoices", merchant.business_id)
    body = {"customer": {"name": "Walk-in"}, "lines": LINES, "issue": True}
    answer = await house.client.post("/v1/invoices", json=body, headers=keyed(await merchant.log_in()))
    assert answer.status_code == 201, answer.text


async def test_f09_the_limit_of_one_business_is_not_the_limit_of_another(house: House, merchant: Merchant) -> None:
    await use_up(house, "invoices", merchant.business_id)
    other = await a_merchant(house, f"Obi{secrets.token_hex(3)}")
    answer = await house.client.post("/v1/invoices", json=JANE, headers=keyed(await other.log_in()))
    assert answer.status_code == 201, answer.text
