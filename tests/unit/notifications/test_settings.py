"""Settings: what production refuses, and what no environment may do without."""

import json
from typing import Any

import pytest
from pydantic import ValidationError
from support.event_keys import EVENT_KEYS
from whatsinvoice_kit.rpc.tokens import generate_key
from whatsinvoice_notifications.settings import Settings

GOOD: dict[str, Any] = {
    "database_url": "postgresql://whatsinvoice_notifications:a-word-of-the-tests@db/whatsinvoice?sslmode=require",
    "redis_url": "rediss://:a-word-of-the-tests@redis/0",
    "service_key": json.dumps(generate_key()),
    "trusted_keys": '{"whatsinvoice": {"keys": []}}',
    **{f"rpc_tls_{part}_file": f"certs/{part}.pem" for part in ("cert", "key", "ca")},
    "invoices_grpc": "invoices:50051",
    "whatsapp_phone_number_id": "1065",
    "whatsapp_access_token": "an-access-token-of-the-tests",
    "whatsapp_app_secret": "an-app-word-of-the-tests",
    "whatsapp_verify_token": "a-verify-token-of-the-tests",
    "auth_grpc": "127.0.0.1:1",
    "event_keys": EVENT_KEYS,
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"whatsapp_access_token": ""}, "WHATSAPP_ACCESS_TOKEN is missing"),
        ({"whatsapp_verify_token": ""}, "WHATSAPP_VERIFY_TOKEN is missing"),
        ({"whatsapp_phone_number_id": ""}, "WHATSAPP_PHONE_NUMBER_ID is missing"),
        ({"public_base_url": "http://pay.example"}, "PUBLIC_BASE_URL is not https"),
        ({"whatsapp_base_url": "http://127.0.0.1:8090/graph/v23.0"}, "WHATSAPP_BASE_URL is not https"),
        ({"whatsapp_app_secret": "short"}, "WHATSAPP_APP_SECRET is shorter than 16 characters"),
    ],
)
def test_production_is_refused_what_is_unsafe(changes: dict[str, str], said: str | None) -> None:
    assert list(Settings(**(GOOD | changes)).unsafe()) == ([said] if said else [])


@pytest.mark.parametrize("changes", [{"whatsapp_app_secret": ""}])
def test_nothing_starts_without_its_keys(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**(GOOD | changes))
