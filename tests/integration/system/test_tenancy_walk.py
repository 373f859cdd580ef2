"""Every route of the gateway, tried by everybody who must not get through; made from the route table it serves.

A new route fails here until it is known who may use it, what fills its parameters, and what its body is.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from support.house import LINES, House, Merchant, a_merchant
from support.keys import Keyring
from support.sample import eventually
from support.server_fixtures import keyring
from support.unfiltered import unfiltered
from whatsinvoice_auth.domain import SCOPES, Role
from whatsinvoice_kit.core.roles import KEY_SCOPES
from whatsinvoice_kit.data import tenancy
from whatsinvoice_kit.rpc import server
from whatsinvoice_kit.rpc.identity import AccessTable, authorize

__all__ = ["keyring"]
"""Of the run: what stands for a module cannot use the fresh keys of this folder."""
pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = {
    ("POST", "/v1/auth/register"),
    ("POST", "/v1/auth/verify-phone"),
    ("POST", "/v1/auth/resend-code"),
    ("POST", "/v1/auth/login"),
    ("POST", "/v1/auth/refresh"),
    ("POST", "/v1/auth/password/forgot"),
    ("POST", "/v1/auth/password/reset"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/i/{token}"),
    ("GET", "/i/{token}/pdf"),
    ("POST", "/i/{token}/pay"),
    ("POST", "/i/{token}/transfer"),
    ("POST", "/i/{token}/transfer-sent"),
    ("GET", "/r/{token}"),
    ("GET", "/r/{token}/pdf"),
    ("POST", "/webhooks/paystack"),
    ("POST", "/webhooks/whatsapp"),
    ("GET", "/webhooks/whatsapp"),
}
"""For people without an account, whoever holds the link, and the providers (by signature)."""
ACCOUNT = {"bank_code": "057", "account_number": "0123456789"}
WRONG = {"old_password": "N0tHerPassword", "new_password": "An0therGoodOne"}
OFFERED = "/v1/invitations/"
"""Answered by the invited person alone: the owner of the inviting business gets 404 as well."""
Route = tuple[str, str]
Figure = Callable[[str], None]
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")


def body_for(route: Route, victim: Merchant) -> dict[str, Any] | None:
    """A good body that names the victim's things where a body can."""
    bodies: dict[Route, dict[str, Any] | None] = {
        ("POST", "/v1/customers"): {"name": "Somebody"},
        ("POST", "/v1/invoices"): {"customer_id": victim.ids["customer_id"], "lines": LINES},
        ("PATCH", "/v1/business"): {"name": "Taken over"},
        ("POST", "/v1/business/members"): {
            "phone": f"080{secrets.randbelow(90_000_000) + 10_000_000}",
            "name": "Eve",
            "role": "staff",
        },
        ("PATCH", "/v1/business/members/{member_id}"): {"role": "owner"},
        ("POST", "/v1/api-keys"): {"name": "a key", "scopes": ["invoices:read"]},
        ("POST", "/v1/auth/password/change"): WRONG,
        ("POST", "/v1/auth/confirm"): {"password": WRONG["old_password"]},
        ("POST", "/v1/auth/switch"): {"business_id": victim.business_id},
        ("PUT", "/v1/business/payout-account"): ACCOUNT,
        ("POST", "/v1/payments/{payment_id}/refunds"): {"amount_minor": 100},
        ("POST", "/v1/payments/{payment_id}/undo"): {"reason": "typed twice"},
        ("POST", "/v1/refunds/{refund_id}/retry"): ACCOUNT,
        ("POST", "/v1/disputes/{dispute_id}/contest"): {"message": "It was delivered."},
        ("POST", "/v1/invoices/{invoice_id}/payments"): {"method": "cash", "amount_minor": 100},
        ("POST", "/v1/invoices/{invoice_id}/confirm-transfer"): {"amount_minor": 100},
    }
    return bodies[route]


class Walk:
    """Requests made of the served OpenAPI, and what came of them."""

    def __init__(self, client: httpx.AsyncClient, document: dict[str, Any], victim: Merchant) -> None:
        self.client = client
        self.victim = victim
        self.operations: dict[Route, dict[str, Any]] = {
            (method.upper(), path): operation
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        }
        self.guarded = sorted(
            (route for route, operation in self.operations.items() if operation.get("security")),
            key=lambda route: ("logout" in route[1], ORDER.index(route[0]), route[1]),
        )
        self.statuses: dict[str, Counter[int]] = {}
        self.leaks: list[tuple[str, Route, int]] = []

    async def call(self, route: Route, headers: dict[str, str]) -> httpx.Response:
        method, path = route
        operation, query = self.operations[route], {}
        for parameter in operation.get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", self.victim.ids[name])
            elif parameter["in"] == "query" and name in self.victim.ids:
                query[name] = self.victim.ids[name]
        keyed = headers | {"Idempotency-Key": secrets.token_hex(8)}
        body = body_for(route, self.victim) if "requestBody" in operation else None
        return await self.client.request(method, path, params=query, json=body, headers=keyed)

    async def everywhere(self, who: str, headers: dict[str, str], *expected: int) -> None:
        """Calls every guarded route; what is answered otherwise, or tells of the victim, is a leak."""
        counted = self.statuses.setdefault(who, Counter())
        for route in self.guarded:
            answer = await self.call(route, headers)
            counted[answer.status_code] += 1
            body = answer.text.replace(answer.request.url.path, "")  # a problem names what the caller asked for
            told = any(secret in body for secret in self.victim.secrets)
            named = any(f"{{{name}}}" in route[1] for name in self.victim.ids)
            wrong = answer.status_code not in expected if expected else named and answer.status_code < 400
            if told or wrong or answer.status_code >= 500:
                self.leaks.append((who, route, answer.status_code))


@pytest_asyncio.fixture(loop_scope="module")
async def walk(house: House) -> Walk:
    """With a fresh victim."""
    document = (await house.client.get("/openapi.json")).json()
    return Walk(house.client, document, await a_merchant(house, f"Ada{secrets.token_hex(3)}"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other(house: House) -> Merchant:
    return await a_merchant(house, f"Mallory{secrets.token_hex(3)}")


async def state_of(house: House, victim: Merchant) -> dict[str, Any]:
    """Her rows wherever she has some, but for what workers go on changing by themselves."""
    found = {}
    for service, tables in (
        ("auth", ("businesses", "members", "api_keys")),
        ("invoices", ("customers", "invoices", "receipts", "timeline", "counters")),
        ("payments", ("payments", "ledger_entries", "payout_accounts", "virtual_accounts")),
    ):
        async with house.processes[service].unit_of_work.read() as tx:
            for table in tables:
                column = "id" if table == "businesses" else "business_id"
                query = text(f"SELECT t::text FROM {service}.{table} t WHERE {column} = :id ORDER BY 1")  # noqa: S608  (names of ours)
                rows = await tx.execute(query, {"id": victim.business_id})
                found[table] = list(rows.scalars())
    return found


async def ended_key(house: House, headers: dict[str, str]) -> dict[str, str]:
    """Headers with an API key that worked and was then revoked."""
    body = {"name": "a key", "scopes": sorted(KEY_SCOPES), "daily_refund_minor": 100}
    made = (await house.client.post("/v1/api-keys", json=body, headers=headers)).raise_for_status().json()
    key = {"Authorization": f"Bearer {made['key']}"}
    assert (await house.client.get("/v1/invoices", headers=key)).status_code == 200
    (await house.client.delete(f"/v1/api-keys/{made['id']}", headers=headers)).raise_for_status()
    await refused(house, key)
    return key


async def ended_session(house: House, merchant: Merchant) -> dict[str, str]:
    headers = await merchant.log_in()
    assert (await house.client.get("/v1/invoices", headers=headers)).status_code == 200
    (await house.client.post("/v1/auth/logout", headers=headers)).raise_for_status()
    await refused(house, headers)
    return headers


async def refused(house: House, headers: dict[str, str]) -> None:
    async def is_refused() -> bool:
        return (await house.client.get("/v1/invoices", headers=headers)).status_code == 401

    await eventually(is_refused)


async def test_only_the_routes_that_are_meant_to_be_are_open(walk: Walk) -> None:
    assert set(walk.operations) - set(walk.guarded) == OPEN


async def test_nobody_gets_through_who_must_not(
    walk: Walk, house: House, other: Merchant, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    victim = walk.victim
    before = await state_of(house, victim)
    assert all(before.values()), before
    owner = await victim.log_in()
    await walk.everywhere("anonymous", {}, 401)
    await walk.everywhere("a revoked session", await ended_session(house, victim), 401)
    await walk.everywhere("a revoked key", await ended_key(house, owner), 401)
    before = await state_of(house, victim)
    for _ in range(2):  # the second time after her own logout
        await walk.everywhere("another tenant", await other.log_in())
    assert await state_of(house, victim) == before

    needed = await _owner_walk(walk, monkeypatch)
    for role in (Role.STAFF, Role.ACCOUNTANT):
        token = keyring.user_token(victim.business_id, victim.user_id, " ".join(SCOPES[role]))
        for route, scopes in needed.items():
            status = (await walk.call(route, {"Authorization": f"Bearer {token}"})).status_code
            walk.statuses.setdefault(role.value, Counter())[status] += 1
            if (status == 403) is scopes.issubset(SCOPES[role]):
                walk.leaks.append((role.value, route, status))

    cases = sum(sum(counted.values()) for counted in walk.statuses.values())
    figure(f"{len(walk.guarded)} guarded routes, {cases} cases, {len(walk.leaks)} leaks: {walk.statuses}")
    assert walk.leaks == []
    assert cases >= 6 * len(walk.guarded)


async def _owner_walk(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> dict[Route, set[str]]:
    """The owner gets through everywhere, so the requests are good; gives the scopes that services asked for."""
    asked: list[str] = []

    def noted(table: AccessTable, rpc: str, identity: Any) -> None:
        if identity.kind == "user":
            asked.append(table[rpc].scope)
        authorize(table, rpc, identity)

    monkeypatch.setattr(server, "authorize", noted)
    needed = {}
    for route in walk.guarded:
        headers = await walk.victim.log_in()
        asked.clear()
        answer = await walk.call(route, headers)
        refused = answer.status_code in {401, 403, 404} or answer.is_server_error
        offered = route[1].startswith(OFFERED) and answer.json()["code"] == "INVITATION_NOT_FOUND"
        assert offered or not refused, (route, answer.text)
        needed[route] = set(asked)
        assert needed[route], route
    return needed


async def test_with_every_filter_gone_the_database_still_holds(
    walk: Walk, house: House, other: Merchant, figure: Figure
) -> None:
    before = await state_of(house, walk.victim)
    with unfiltered() as switch:
        for _ in range(2):
            await walk.everywhere("another tenant", await other.log_in())
    assert await state_of(house, walk.victim) == before
    assert switch.taken_out > len(walk.guarded)
    figure(f"{switch.taken_out} comparisons taken out, {len(walk.leaks)} leaks: {walk.statuses}")
    assert walk.leaks == []


async def test_without_both_walls_the_walk_finds_the_leaks(
    walk: Walk, other: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk can fail, and it is row-level security that held in the test before."""
    monkeypatch.setattr(tenancy, "visible_to_call", lambda: tenancy.EVERY)
    walk.guarded = [route for route in walk.guarded if route[0] == "GET"]
    headers = await other.log_in()
    with unfiltered():
        await walk.everywhere("another tenant", headers)
    assert len(walk.leaks) > len(walk.guarded) / 2
