"""Settings that cannot work are named at the start, not met later."""

import json
from secrets import token_hex
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from whatsinvoice_auth.settings import Settings
from whatsinvoice_kit.rpc.tokens import generate_key

NEEDED: dict[str, Any] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/nowhere",
    "redis_url": "redis://127.0.0.1:1",
    "code_secret": "c" * 32,
    "refresh_secret": "r" * 32,
}


@pytest.mark.parametrize("keys", ["", "[]", "{}", "nonsense", '[{"kid": "x"}]', "[1]"])
def test_signing_keys_that_cannot_sign_are_refused_without_showing_them(keys: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**NEEDED, signing_keys=SecretStr(keys))
    assert "no private key, and no JSON list of such" in str(refused.value)
    assert "nonsense" not in str(refused.value)


def test_a_key_of_ours_is_taken() -> None:
    key = generate_key()
    settings = Settings(**NEEDED, signing_keys=SecretStr(json.dumps([key])))
    assert settings.users_keys().current()["kid"] == key["kid"]


def _unsafe(**changes: str) -> list[str]:
    """What production says of auth's own settings."""
    keys = SecretStr(json.dumps([generate_key()]))
    found = Settings(**(NEEDED | changes), signing_keys=keys).unsafe()
    return [said for said in found if "_SECRET" in said]


@pytest.mark.parametrize("name", ["code_secret", "refresh_secret"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0f1e2d3c4b5a69788796a5b4c3d2e1f", "is shorter than 32 characters"),
        ("fifteen letters", "is shorter than 32 characters"),
        ("", "is missing"),
        ("change-me-before-production-please", "is a default or easily guessed"),
        ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", None),
    ],
)
def test_production_wants_long_secrets(name: str, value: str, said: str | None) -> None:
    good = {"code_secret": token_hex(16), "refresh_secret": token_hex(16)}
    assert _unsafe(**(good | {name: value})) == ([f"{name.upper()} {said}"] if said else [])
