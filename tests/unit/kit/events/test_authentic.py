"""Event keys as EVENT_KEYS gives them: what is wrong is named, and no key is shown."""

import pytest
from whatsinvoice_kit.events.authentic import EventKeys, producer_of

LONG = "k" * 32


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is not JSON"),
        ("nonsense-key", "is not JSON"),
        ("[]", "names no peer"),
        ("{}", "names no peer"),
        ('{"payments": "nonsense-key"}', "has no list of keys for payments"),
        ('{"payments": []}', "has no list of keys for payments"),
        ('{"payments": [1]}', "has no list of keys for payments"),
        ('{"payments": ["nonsense-key"]}', "has a key for payments that is shorter than 32 characters"),
    ],
)
def test_f05_keys_that_cannot_be_used_are_named_without_being_shown(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        EventKeys.parse("invoices", text)
    assert "nonsense" not in str(refused.value)


def test_f05_a_peer_without_a_key_proves_nothing() -> None:
    keys = EventKeys.parse("invoices", f'{{"payments": ["{LONG}"]}}')
    mac = EventKeys("auth", {"invoices": [LONG]}).headers("whatsinvoice.auth.v1", "Type", "evt_1", b"")["mac-invoices"]
    assert not keys.proves(mac, "whatsinvoice.auth.v1", "Type", "evt_1", b"")


def test_the_producer_is_named_by_its_stream() -> None:
    assert producer_of("whatsinvoice.payments.v1") == "payments"
