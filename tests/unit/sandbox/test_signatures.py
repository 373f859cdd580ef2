"""The signatures of both providers, against vectors computed outside this code, and against re-serialised bodies."""

import json

from whatsinvoice_sandbox.meta.webhooks import signature as meta_signature
from whatsinvoice_sandbox.paystack.webhooks import signature as paystack_signature


def test_paystack_golden_vector() -> None:
    body = (
        b'{"event":"charge.success",'
        b'"data":{"id":302961,"reference":"INV-2026-0001.a1","amount":10000,"currency":"NGN"}}'
    )
    assert paystack_signature("sk_test_whatsinvoice", body) == (
        "8b5a5dbaa54ee505a8606d1c30b50c0de20b2f6be7e834c1662644420017ddf6"
        "9b5dec7220022beaf1dbcdc566d03838ff6d087a7a9a6bb096ab4d43ddd17f80"
    )


def test_meta_golden_vector() -> None:
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    assert meta_signature("wa_app_secret", body) == (
        "sha256=dce18d876c196e254c0e3619ea1db1611f702906ce5864067e623bb9b2f53d73"
    )


def test_a_body_that_was_parsed_and_written_again_does_not_match() -> None:
    raw = '{"a":"caf\\u00e9 \\/ ₦"}'.encode()
    again = json.dumps(json.loads(raw), separators=(",", ":")).encode()
    assert paystack_signature("k", raw) != paystack_signature("k", again)
