"""Event keys as EVENT_KEYS gives them: what is wrong is named, and no key is shown."""

import hashlib
import hmac
import json
from dataclasses import dataclass, replace

import pytest
from whatsinvoice_kit.events.authentic import EventKeys, header_of, producer_of

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


@pytest.mark.parametrize(
    ("stream", "producer"),
    [("a.b.c", "b"), ("a.b.c.d", "b"), ("a.b", "a.b"), ("payments", "payments"), ("", "")],
)
def test_a_stream_of_fewer_than_three_parts_names_itself(stream: str, producer: str) -> None:
    assert producer_of(stream) == producer
    assert header_of("invoices") == "mac-invoices"


@pytest.mark.parametrize(("accepted", "refused"), [(32, 31)])
def test_a_key_has_at_least_32_characters(accepted: int, refused: int) -> None:
    EventKeys.parse("invoices", json.dumps({"payments": ["k" * accepted, LONG]}))
    for keys in (["k" * refused], [LONG, "k" * refused], ["k" * refused, LONG]):
        with pytest.raises(ValueError, match="shorter than 32 characters"):
            EventKeys.parse("invoices", json.dumps({"auth": [LONG], "payments": keys}))


@pytest.mark.parametrize("keys", [[], {}, "k" * 40, None, 1, [LONG, 1], [None]])
def test_every_peer_has_a_list_of_keys(keys: object) -> None:
    with pytest.raises(ValueError, match="has no list of keys for payments"):
        EventKeys.parse("invoices", json.dumps({"auth": [LONG], "payments": keys}))


@dataclass(frozen=True)
class Message:
    """What a MAC covers."""

    stream: str = "whatsinvoice.payments.v1"
    event_type: str = "PaymentSucceeded"
    event_id: str = "evt_1"
    body: bytes = b"\x00body"

    def signed_by(self, keys: EventKeys) -> dict[str, str]:
        return keys.headers(self.stream, self.event_type, self.event_id, self.body)

    def proved_to(self, keys: EventKeys, mac: str) -> bool:
        return keys.proves(mac, self.stream, self.event_type, self.event_id, self.body)


EVENT = Message()
OLD, NEW, STRANGE = "old-" * 8, "new-" * 8, "not-" * 8


def test_the_first_key_of_each_pair_signs_and_all_of_them_verify() -> None:
    payments = EventKeys("payments", {"invoices": [NEW, OLD], "notifications": [STRANGE]})
    headers = EVENT.signed_by(payments)
    assert set(headers) == {"mac-invoices", "mac-notifications"}
    text = b"whatsinvoice.payments.v1\0invoices\0PaymentSucceeded\0evt_1\0\0body"
    assert headers["mac-invoices"] == hmac.new(NEW.encode(), text, hashlib.sha256).hexdigest()
    for keys, proved in (([NEW], True), ([OLD], False), ([OLD, NEW], True), ([NEW, OLD], True), ([STRANGE], False)):
        invoices = EventKeys("invoices", {"payments": keys})
        assert EVENT.proved_to(invoices, headers["mac-invoices"]) is proved
        assert not EVENT.proved_to(invoices, headers["mac-notifications"])
    assert not EVENT.proved_to(EventKeys("invoices", {"auth": [NEW]}), headers["mac-invoices"])
    assert not EVENT.proved_to(EventKeys("auth", {"payments": [NEW]}), headers["mac-invoices"])


@pytest.mark.parametrize(
    "change",
    [
        {"stream": "whatsinvoice.payments.v2"},
        {"event_type": "PaymentReversed"},
        {"event_id": "evt_2"},
        {"body": b"body"},
        {"body": b""},
    ],
)
def test_a_mac_proves_one_event_alone(change: dict[str, str]) -> None:
    mac = EVENT.signed_by(EventKeys("payments", {"invoices": [NEW]}))["mac-invoices"]
    invoices = EventKeys("invoices", {"payments": [NEW]})
    assert EVENT.proved_to(invoices, mac)
    assert not replace(EVENT, **change).proved_to(invoices, mac)  # type: ignore[arg-type]  # a test names its field


@pytest.mark.parametrize("mac", ["", "é", "0" * 64, "mac"])
def test_a_wrong_mac_is_refused_without_an_error(mac: str) -> None:
    assert not EVENT.proved_to(EventKeys("invoices", {"payments": [NEW]}), mac)
