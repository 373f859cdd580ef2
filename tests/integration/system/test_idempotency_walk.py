"""S5: every POST of the route table with a token: replayed, with another body, and without a key where one is required.

A new POST fails here until it is known whether it moves money or a message, and what a good body of it is.
"""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio
from support.house import LINES, House, Merchant, a_merchant
from support.server_fixtures import keyring

__all__ = ["keyring"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

MOVES = {
    "/v1/invoices/{invoice_id}/issue",
    "/v1/invoices/{invoice_id}/payments",
    "/v1/invoices/{invoice_id}/void",
    "/v1/invoices/{invoice_id}/confirm-transfer",
    "/v1/invoices/{invoice_id}/reject-transfer",
    "/v1/payments/{payment_id}/release",
    "/v1/payments/{payment_id}/undo",
    "/v1/payments/{payment_id}/refunds",
    "/v1/refunds/{refund_id}/retry",
    "/v1/disputes/{dispute_id}/accept",
    "/v1/disputes/{dispute_id}/contest",
    "/v1/business/members",
}
"""Money or a message moves: a key is required."""
OPTIONAL = {
    "/v1/customers",
    "/v1/invoices",
    "/v1/customers/{customer_id}/virtual-account",
    "/v1/business/leave",
    "/v1/invitations/{invitation_id}/accept",
    "/v1/invitations/{invitation_id}/decline",
    "/v1/api-keys",
    "/v1/auth/password/change",
    "/v1/auth/logout",
    "/v1/auth/logout-all",
    "/v1/auth/confirm/code",
}
NOT_READ = {"/v1/auth/confirm", "/v1/auth/switch"}
"""Answers with a token: no key is read, see docs/decisions/0025."""
BODIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/v1/customers": ({"name": "Somebody"}, {"name": "Somebody else"}),
    "/v1/invoices": (
        {"customer": {"name": "Jane"}, "lines": LINES, "issue": True},
        {"customer": {"name": "Joan"}, "lines": LINES, "issue": True},
    ),
    "/v1/api-keys": ({"name": "a", "scopes": ["invoices:read"]}, {"name": "b", "scopes": ["invoices:read"]}),
    "/v1/business/members": (
        {"phone": "+2348030000123", "role": "staff"},
        {"phone": "+2348030000124", "role": "staff"},
    ),
    "/v1/invoices/{invoice_id}/payments": (
        {"method": "cash", "amount_minor": 100},
        {"method": "cash", "amount_minor": 200},
    ),
    "/v1/payments/{payment_id}/refunds": ({"amount_minor": 100}, {"amount_minor": 200}),
    "/v1/disputes/{dispute_id}/contest": ({"message": "It was delivered."}, {"message": "It was."}),
}
"""A good body and another one, of the routes that succeed on what a merchant of these tests has."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def merchant(house: House) -> Merchant:
    return await a_merchant(house, f"Ada{secrets.token_hex(3)}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def posts(house: House) -> dict[str, dict[str, Any]]:
    """Every POST that takes a token, by path."""
    document = (await house.client.get("/openapi.json")).json()
    found = {path: operations["post"] for path, operations in document["paths"].items() if "post" in operations}
    return {path: operation for path, operation in found.items() if operation.get("security")}


def _key_of(operation: dict[str, Any]) -> bool | None:
    """Whether the key is required; None where it is not read."""
    named = [one for one in operation.get("parameters", ()) if one["name"] == "Idempotency-Key"]
    return bool(named[0].get("required")) if named else None


def _path(path: str, merchant: Merchant) -> str:
    return path.format(**merchant.ids)


async def test_s5_every_post_says_whether_it_reads_a_key(posts: dict[str, dict[str, Any]]) -> None:
    found = {path: _key_of(operation) for path, operation in posts.items()}
    expected = dict.fromkeys(MOVES, True) | dict.fromkeys(OPTIONAL, False) | dict.fromkeys(NOT_READ)
    assert found == expected


async def test_s5_no_post_without_a_token_reads_a_key(house: House) -> None:
    document = (await house.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if not operation.get("security"):
                assert _key_of(operation) is None, path


async def test_f29_without_a_key_nothing_that_moves_money_or_a_message_happens(
    house: House, merchant: Merchant, posts: dict[str, dict[str, Any]], figure: Callable[[str], None]
) -> None:
    headers = await merchant.log_in()
    required = [path for path, operation in posts.items() if _key_of(operation)]
    for path in required:
        body = BODIES.get(path, ({}, {}))[0] if "requestBody" in posts[path] else None
        answer = await house.client.post(_path(path, merchant), json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED"), path
    issued = await house.client.post("/v1/invoices", json=BODIES["/v1/invoices"][0], headers=headers)
    assert (issued.status_code, issued.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    figure(f"{len(required)} POSTs refused without a key, and create with issue")


@pytest.mark.parametrize("path", sorted(BODIES))
async def test_s5_a_repeat_gets_the_first_answer_and_another_body_is_refused(
    house: House, merchant: Merchant, path: str
) -> None:
    headers = await merchant.log_in() | {"Idempotency-Key": secrets.token_hex(8)}
    body, other = BODIES[path]
    if path == "/v1/invoices/{invoice_id}/payments":  # of an open invoice
        made = {"customer": {"name": "Jane"}, "lines": LINES, "issue": True}
        own = headers | {"Idempotency-Key": secrets.token_hex(8)}
        opened = (await house.client.post("/v1/invoices", json=made, headers=own)).raise_for_status().json()
        url = f"/v1/invoices/{opened['id']}/payments"
    else:
        url = _path(path, merchant)
    first, again = [await house.client.post(url, json=body, headers=headers) for _ in range(2)]
    assert first.is_success, first.text
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    reused = await house.client.post(url, json=other, headers=headers)
    assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_f29_keys_without_a_token_are_shared_by_nobody(house: House) -> None:
    key = {"Idempotency-Key": "the-same-key-of-two-strangers"}
    ids = set()
    for number in (1, 2):
        body = {"phone": f"+23480300011{number:02d}", "name": "Ada Obi", "password": "Tall3rThanTrees"}
        answer = await house.client.post("/v1/auth/register", json=body, headers=key)
        assert answer.status_code == 202
        ids.add(answer.json()["verification"]["id"])
    assert len(ids) == 2
