"""From where Paystack's webhooks may come: the address is what the trusted proxy tells, and nobody else's word."""

import json
from pathlib import Path

import httpx
import pytest
from support.keys import Keyring
from support.system import KeyFiles, whole_system
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.domain.webhook import signature_of

SECRET_KEY = "sk_test_1"
PAYSTACK, ELSEWHERE = "52.31.139.75", "203.0.113.7"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyring: Keyring) -> None:
    """In files, where what is started in this test finds them."""
    files = KeyFiles(tmp_path)
    files.write(keyring)
    for name, value in files.environment().items():
        monkeypatch.setenv(name, value)


async def answered(client: httpx.AsyncClient, forwarded: str) -> tuple[int, str]:
    """The status, and the code of what was refused."""
    body = json.dumps({"event": "transfer.success", "data": {"transfer_code": new_id("who")}}).encode()
    headers = {"x-paystack-signature": signature_of(SECRET_KEY, body)}
    if forwarded:
        headers["x-forwarded-for"] = forwarded
    answer = await client.post("/webhooks/paystack", content=body, headers=headers)
    return answer.status_code, answer.json()["code"] if answer.content else ""


@pytest.mark.parametrize(
    ("trusted", "forwarded", "wanted"),
    [
        ("127.0.0.1", PAYSTACK, (200, "")),
        ("127.0.0.1", ELSEWHERE, (403, "SOURCE_FOREIGN")),
        ("127.0.0.1", f"{PAYSTACK}, {ELSEWHERE}", (403, "SOURCE_FOREIGN")),
        ("127.0.0.1", "", (403, "SOURCE_FOREIGN")),
        ("", PAYSTACK, (403, "SOURCE_FOREIGN")),
    ],
    ids=["its own", "another", "told by another before the proxy", "the proxy itself", "told by nobody we trust"],
)
async def test_only_the_providers_addresses_are_let_in(
    migrated: dict[str, str],
    redis_url: str,
    keys: None,
    trusted: str,
    forwarded: str,
    wanted: tuple[int, str],
) -> None:
    changes = {"gateway": {"trusted_proxies": trusted}, "payments": {"paystack_source_addresses": PAYSTACK}}
    async with whole_system(migrated, redis_url, ("payments",), **changes) as system:
        assert await answered(system.client, forwarded) == wanted
