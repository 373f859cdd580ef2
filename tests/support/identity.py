"""People who register and prove their phones through the public contract."""

import secrets
from typing import Any

import httpx
from whatsinvoice_auth.domain.verifications import digits_of
from whatsinvoice_kit.runtime import Process

PASSWORD = "Tall3rThanTrees"


def a_phone() -> str:
    """Return a Nigerian mobile number in E.164 that no other test uses."""
    return f"+23480{secrets.randbelow(90_000_000) + 10_000_000}"


def code_of(auth: Process[Any], verification_id: str) -> str:
    """Return the digits of a verification, as the message to the phone has them."""
    settings = auth._settings  # noqa: SLF001  (the secret of a service of the test's own)
    return digits_of(verification_id, settings.code_secret.get_secret_value())


async def confirm(client: httpx.AsyncClient, headers: dict[str, str], password: str = PASSWORD) -> dict[str, str]:
    """Confirm a session by password. Return the headers of fresh proof."""
    answer = await client.post("/v1/auth/confirm", json={"password": password}, headers=headers)
    return headers | {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


async def register(client: httpx.AsyncClient, auth: Process[Any], phone: str, **more: str) -> dict[str, Any]:
    """Register a merchant through the gateway and prove the phone. Return the body of verify-phone."""
    body = {"phone": phone, "name": "Ada Obi", "password": PASSWORD} | more
    asked = (await client.post("/v1/auth/register", json=body)).raise_for_status().json()
    verification_id = asked["verification"]["id"]
    proof = {"verification_id": verification_id, "code": code_of(auth, verification_id)}
    verified: dict[str, Any] = (await client.post("/v1/auth/verify-phone", json=proof)).raise_for_status().json()
    return verified
