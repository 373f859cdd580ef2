"""What must hold of any running system: `SMOKE_BASE_URL=https://pay.example pytest tests/test_smoke.py`.

| variable | without it |
|---|---|
| SMOKE_BASE_URL | nothing is tried |
| SMOKE_CA_FILE | the machine's own authorities are believed |
| SMOKE_PHONE, SMOKE_PASSWORD | nobody logs in; with them a smoke account reads and logs out, and writes nothing else |
| SMOKE_SANDBOX_URL | no invoice is made; never set it for a system that real people use |
"""

import os
import re
import secrets
import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

PATIENCE_SECONDS = 30.0
DAYS_LEFT = 7
LISTS = (
    "/v1/invoices",
    "/v1/customers",
    "/v1/payments",
    "/v1/messages",
    "/v1/refunds",
    "/v1/disputes",
    "/v1/banks",
)
HEADERS = ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "X-Request-Id")


def given(name: str) -> str:
    """A variable; the test is skipped without it."""
    value = os.environ.get(name, "")
    if not value:
        pytest.skip(f"{name} is not set: see the top of tests/test_smoke.py")
    return value


def trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("SMOKE_CA_FILE") or None)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(base_url=given("SMOKE_BASE_URL"), verify=trust(), timeout=20, trust_env=False) as client:
        yield client


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return problem


def test_it_answers_and_knows_its_keys(client: httpx.Client) -> None:
    """The keys come from auth, so this goes all the way."""
    keys = client.get("/.well-known/jwks.json").raise_for_status().json()["keys"]
    assert keys
    assert {key["alg"] for key in keys} == {"ES256"}
    assert all("d" not in key for key in keys)


def test_metrics_are_on_the_ops_port_alone(client: httpx.Client) -> None:
    assert client.get("/metrics").status_code == 404


def test_every_answer_has_its_headers(client: httpx.Client) -> None:
    for path in ("/v1/me", "/nothing-is-here", "/i/nothing"):
        answer = client.get(path)
        assert [name for name in HEADERS if name not in answer.headers] == [], path


def test_strangers_are_refused(client: httpx.Client) -> None:
    assert refused(client.get("/v1/me"), 401)["code"] == "TOKEN_MISSING"
    refused(client.get("/nothing-is-here"), 404)
    refused(client.post("/webhooks/whatsapp", content=b"{}"), 401)
    answer = client.post("/webhooks/paystack", content=b"{}")
    assert answer.status_code in {401, 403}, "unsigned; and a firewall lets in Paystack's own addresses alone"


@pytest.mark.parametrize("path", ["/i/{}", "/r/{}"])
def test_invoices_answers_that_it_knows_no_such_page(client: httpx.Client, path: str) -> None:
    """A service that is away would make it 503. Auth, payments and notifications have answered above."""
    answer = client.get(path.format(secrets.token_urlsafe(32)))
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "X-Request-Id" in answer.headers


def test_tls_is_good_for_another_week(client: httpx.Client) -> None:
    address = client.base_url
    if address.scheme != "https":
        pytest.skip("SMOKE_BASE_URL is not https")
    with httpx.Client(verify=trust(), trust_env=False) as fresh, fresh.stream("GET", address.join("/v1/me")) as answer:
        tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
        ends = ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"])
        days = float(os.environ.get("SMOKE_DAYS_LEFT", DAYS_LEFT))  # Caddy's own certificates live for half a day
        assert ends - time.time() > days * 86_400
        assert tls.version() in {"TLSv1.2", "TLSv1.3"}


def test_the_smoke_account_reads_and_logs_out(client: httpx.Client) -> None:
    body = {"phone": given("SMOKE_PHONE"), "password": given("SMOKE_PASSWORD")}
    tokens = client.post("/v1/auth/login", json=body).raise_for_status().json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.get("/v1/me", headers=headers).raise_for_status().json()["user"]["id"]
    for path in LISTS:
        assert isinstance(client.get(path, headers=headers).raise_for_status().json()["data"], list), path
    statement = client.get("/v1/ledger/statement", headers=headers).raise_for_status().json()
    assert {"opening", "closing", "data", "next_cursor"} == statement.keys()
    assert client.get("/v1/business/payout-account", headers=headers).status_code in {200, 404}, "named or not yet"
    client.post("/v1/auth/logout", headers=headers).raise_for_status()
    deadline = time.monotonic() + 2
    while client.get("/v1/me", headers=headers).status_code != 401:
        assert time.monotonic() < deadline, "a session that ended is still believed"


def test_from_registering_to_an_invoice_that_can_be_paid(client: httpx.Client) -> None:
    sandbox_url = given("SMOKE_SANDBOX_URL")
    phone = f"+23480{secrets.randbelow(90_000_000) + 10_000_000}"
    person = {"phone": phone, "password": f"Smoke1{secrets.token_hex(8)}"}
    verification_id = _register(client, person | {"name": "Smoke Test"})
    with httpx.Client(base_url=sandbox_url, timeout=20, trust_env=False) as sandbox:
        proof = {"verification_id": verification_id, "code": _code(sandbox, phone)}
    client.post("/v1/auth/verify-phone", json=proof).raise_for_status()
    tokens = client.post("/v1/auth/login", json=person).raise_for_status().json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    order = {
        "customer": {"name": "Jane Okafor"},
        "lines": [{"description": "a smoke test", "quantity": "1", "unit_price_minor": 10_000}],
        "issue": True,
    }
    invoice = _made(client, order, headers)
    assert (invoice["status"], invoice["total_minor"]) == ("open", 10_000)
    page = client.get("/i/" + invoice["public_url"].rpartition("/")[2]).raise_for_status().text
    assert f'action="/i/{invoice["public_url"].rpartition("/")[2]}/pay"' in page
    assert client.get(f"/v1/invoices/{invoice['id']}/pdf", headers=headers).raise_for_status().content[:5] == b"%PDF-"


def _register(client: httpx.Client, person: dict[str, str]) -> str:
    """Ask to register and return the request's id. An address may do so five times a minute, and others may have."""
    deadline = time.monotonic() + 90
    while (answer := client.post("/v1/auth/register", json=person)).status_code == 429:
        assert time.monotonic() < deadline, answer.text
        time.sleep(int(answer.headers["Retry-After"]))
    return str(answer.raise_for_status().json()["verification"]["id"])


def _code(sandbox: httpx.Client, phone: str) -> str:
    """The one-time code, as it arrives on the phone."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        said = sandbox.get(f"/_control/phones/{phone}/messages", params={"after": 0}).raise_for_status().json()
        for message in said["messages"]:
            words = [str(message.get("text", "")), *message.get("template", {}).get("parameters", [])]
            if found := re.search(r"\b\d{6}\b", " ".join(words)):
                return found[0]
        time.sleep(0.2)
    raise AssertionError("no code has arrived")


def _made(client: httpx.Client, order: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """Invoices hears of the new business by an event, so the first tries may come too early."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = client.post("/v1/invoices", json=order, headers=headers | {"Idempotency-Key": secrets.token_hex(8)})
        if answer.is_success or time.monotonic() > deadline:
            made: dict[str, Any] = answer.raise_for_status().json()
            return made
        time.sleep(0.2)
