"""What looks like an attack is held back, what people write is not, and webhooks arrive as they were signed."""

import hashlib
import hmac
import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from support.attacks import ATTACKS, PASSWORDS, WORDS, Call
from support.root import ROOT
from support.waf import waf
from whatsinvoice_local.backing.ports import free_port

if TYPE_CHECKING:
    from proofs.waf.conftest import Firewall

WEBHOOKS = ("/webhooks/paystack", "/webhooks/whatsapp")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


def send(client: httpx.Client, url: str, call: Call) -> httpx.Response:
    """As it is written: httpx would mend a target like /../."""
    request = client.build_request(call.method, url, json=call.json, content=call.body, headers=call.headers)
    request.url = request.url.copy_with(raw_path=call.target.encode())
    return client.send(request)


def test_attacks_are_held_back(firewall: "Firewall", client: httpx.Client, figure: Callable[[str], None]) -> None:
    answers = {name: send(client, firewall.url, call) for name, call in ATTACKS.items()}
    counts = Counter(answer.status_code for answer in answers.values())
    figure(f"{len(answers)} attacks: {dict(counts)}")
    through = [name for name, answer in answers.items() if answer.text == "through"]
    assert through == []
    assert set(counts) <= {400, 403, 405}
    refused = next(answer for answer in answers.values() if answer.status_code == 403)
    assert (refused.headers["content-type"], refused.json()["code"]) == ("application/problem+json", "REQUEST_REFUSED")


def test_each_attack_would_have_arrived(firewall: "Firewall", client: httpx.Client) -> None:
    """Without the firewall the server behind it answers all of them, so it is the firewall that refuses."""
    answers = {name: send(client, f"http://127.0.0.1:{firewall.upstream.port}", call) for name, call in ATTACKS.items()}
    assert {name for name, answer in answers.items() if answer.text != "through"} == set()


@pytest.mark.parametrize("words", WORDS)
def test_what_people_write_passes(firewall: "Firewall", client: httpx.Client, words: str) -> None:
    headers = {
        "Authorization": f"Bearer {'eyJh' * 60}.{'bHVl' * 60}.x-_",
        "Idempotency-Key": "5f1c'--",
        "Host": "pay.example",
    }
    order = {"customer": {"name": words}, "lines": [{"description": words, "quantity": "1"}], "notes": words}
    made = [
        client.post(f"{firewall.url}/v1/invoices", json=order, headers=headers),
        client.post(f"{firewall.url}/v1/customers", json={"name": words}, headers=headers),
        client.patch(f"{firewall.url}/v1/business", json={"name": words}, headers=headers),
        client.get(f"{firewall.url}/v1/customers", params={"q": words}, headers=headers),
    ]
    assert [answer.text for answer in made] == ["through"] * 4, words
    assert json.loads(firewall.upstream.bodies[-4]) == order


def test_every_method_of_the_contract_passes(firewall: "Firewall", client: httpx.Client) -> None:
    contract = json.loads((ROOT / "gateway" / "openapi.json").read_text())
    methods = {method.upper() for path in contract["paths"].values() for method in path}
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} == methods
    answers = {method: client.request(method, f"{firewall.url}/v1/business").text for method in methods}
    assert set(answers.values()) == {"through"}, answers


@pytest.mark.parametrize("password", PASSWORDS)
def test_any_password_passes(firewall: "Firewall", client: httpx.Client, password: str) -> None:
    for path, body in {
        "/v1/auth/register": {"phone": "+2348012345678", "name": "Ada", "password": password},
        "/v1/auth/login": {"phone": "+2348012345678", "password": password},
        "/v1/auth/password/reset": {"verification_id": "ver_1", "code": "123456", "password": password},
        "/v1/auth/password/change": {"old_password": password, "new_password": password},
    }.items():
        assert client.post(firewall.url + path, json=body).text == "through", path
        named = body | {"name": "<script>alert(1)</script>"}
        assert client.post(firewall.url + path, json=named).status_code == 403, "the rest is looked at"


@pytest.mark.parametrize("path", WEBHOOKS)
def test_a_webhook_arrives_as_it_was_signed(firewall: "Firewall", path: str) -> None:
    """Its body is another's free text: not read, not changed. So the signature holds, and it is what decides."""
    texts = [call.json for name, call in ATTACKS.items() if name.endswith(" JSON")]
    body = json.dumps({"data": texts, "odd": "  ünïcode\u0000 "}, indent=3).encode() + b"\n \n"
    signature = hmac.new(b"key", body, hashlib.sha512).hexdigest()
    answer = httpx.post(
        firewall.url + path,
        content=body,
        headers={"Content-Type": "application/json", "X-Paystack-Signature": signature},
        trust_env=False,
    )
    assert answer.text == "through"
    assert firewall.upstream.bodies[-1] == body
    assert firewall.upstream.heads[-1]["x-paystack-signature"] == signature


def test_paystack_calls_from_its_addresses_and_meta_from_anywhere(firewall: "Firewall") -> None:
    def status(path: str, address: str) -> int:
        return httpx.post(
            firewall.url + path, json={}, headers={"X-Forwarded-For": address}, trust_env=False
        ).status_code

    paystack = ("52.31.139.75", "52.49.173.169", "52.214.14.220")
    assert [status("/webhooks/paystack", address) for address in paystack] == [200] * 3
    assert status("/webhooks/paystack", "203.0.113.9") == 403
    assert status("/webhooks/paystack", "2001:db8::9") == 403
    assert status("/webhooks/whatsapp", "203.0.113.9") == 200


def test_the_gateway_is_told_who_calls_and_by_nobody_else(firewall: "Firewall") -> None:
    forged = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "gopher"}
    httpx.get(f"{firewall.url}/v1/me", headers=forged, trust_env=False).raise_for_status()
    head = firewall.upstream.heads[-1]
    assert head["x-forwarded-for"] == "203.0.113.9", "the last that the proxy before it has added"
    assert head["x-forwarded-proto"] == "http"


@pytest.mark.parametrize(("path", "megabytes", "status"), [
    ("/v1/invoices", 1.1, 413), (WEBHOOKS[1], 2.9, 200), (WEBHOOKS[1], 3.1, 413),
])  # fmt: skip
def test_bodies_are_as_large_as_the_gateway_takes_them(
    firewall: "Firewall", path: str, megabytes: float, status: int
) -> None:
    body = json.dumps({"text": "x" * int(megabytes * 1024 * 1024)}).encode()
    answer = httpx.post(
        firewall.url + path, content=body, headers={"Content-Type": "application/json"}, trust_env=False
    )
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "BODY_TOO_LARGE"


@pytest.mark.parametrize("head", [
    "POST /v1/invoices HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "POST /v1/invoices HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "GET /v1/invoices HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /v1/invoices HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
], ids=["two lengths", "two Content-Lengths", "two hosts", "an unknown coding"])  # fmt: skip
def test_a_request_that_two_servers_could_read_in_two_ways_is_refused(firewall: "Firewall", head: str) -> None:
    before = len(firewall.upstream.heads)
    with socket.create_connection(("127.0.0.1", firewall.port), timeout=20) as raw:
        raw.sendall(head.encode())
        status = int(raw.recv(4096).split()[1])
    assert status in {400, 403, 501}
    assert len(firewall.upstream.heads) == before


def test_a_flood_from_one_address_is_slowed(firewall: "Firewall", tmp_path: Path) -> None:
    """With a hundredth of the limits, so that a slow machine can reach them."""
    fewer = {"rate=200r/s": "rate=2r/s", "burst=400": "burst=4"}
    with (
        waf(tmp_path / "waf", free_port(), firewall.upstream.port, fewer) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        answers = [client.get("/v1/me", headers={"X-Forwarded-For": "198.51.100.77"}) for _ in range(40)]
        other = client.get("/v1/me", headers={"X-Forwarded-For": "198.51.100.78"})
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    assert statuses[200] >= 5
    slowed = next(answer for answer in answers if answer.status_code == 429)
    assert (slowed.json()["code"], slowed.headers["retry-after"]) == ("RATE_LIMITED", "1")
    assert other.status_code == 200


def test_an_address_has_only_so_many_requests_at_once(firewall: "Firewall", tmp_path: Path) -> None:
    fewer = {"limit_conn connections 100": "limit_conn connections 2"}
    with (
        waf(tmp_path / "waf", free_port(), firewall.upstream.port, fewer) as url,
        ThreadPoolExecutor(6) as pool,
    ):
        answers = list(pool.map(lambda _: httpx.get(f"{url}/slow", trust_env=False, timeout=30), range(6)))
    assert Counter(answer.status_code for answer in answers) == {200: 2, 429: 4}


def test_its_log_of_requests_holds_no_token_and_no_number(firewall: "Firewall") -> None:
    token, phone = "tok-of-a-page-0123456789", "2348012345678"
    httpx.get(f"{firewall.url}/i/{token}?phone={phone}", trust_env=False).raise_for_status()
    httpx.get(f"{firewall.url}/v1/customers?q={phone}", trust_env=False).raise_for_status()
    deadline = time.monotonic() + 10  # a line is written once its answer is sent
    while True:
        lines = [line for line in firewall.log.read_text().splitlines() if line.startswith("{")]
        paths = [json.loads(line)["path"] for line in lines]
        if paths[-2:] == ["/i/-", "/v1/customers"]:
            break
        assert time.monotonic() < deadline, paths[-4:]
        time.sleep(0.05)
    assert not any(secret in line for line in lines for secret in (token, phone))
