"""Proof that an event was published by its producer: one HMAC-SHA-256 per consuming service.

Each pair of services shares a key, and two while one rotates. Write access to a stream without that key makes no event
that the consumer applies.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from prometheus_client import Counter

MIN_KEY = 32
REFUSED = Counter("events_refused_total", "Events whose MAC is missing or wrong", ["stream", "group"])


class EventKeys:
    """The keys that one service shares with its peers, by the peer's name. The first of each signs, all verify."""

    def __init__(self, service: str, keys: Mapping[str, Sequence[str]]) -> None:
        self._service = service
        self._keys = {peer: [key.encode() for key in of_peer] for peer, of_peer in keys.items()}

    @classmethod
    def parse(cls, service: str, text: str) -> "EventKeys":
        """Read `{"payments": ["key", "the key before"], …}`.

        Raises:
            ValueError: what is wrong, without any key.
        """
        try:
            found = json.loads(text)
        except ValueError:
            raise ValueError("is not JSON") from None
        if not isinstance(found, dict) or not found:
            raise ValueError("names no peer")
        for peer, keys in found.items():
            if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
                raise ValueError(f"has no list of keys for {peer}")
            if any(len(key) < MIN_KEY for key in keys):
                raise ValueError(f"has a key for {peer} that is shorter than {MIN_KEY} characters")
        return cls(service, found)

    def headers(self, stream: str, event_type: str, event_id: str, body: bytes) -> dict[str, str]:
        """Return one header per consuming service, for an event that this service publishes."""
        return {
            header_of(peer): _mac(keys[0], stream, peer, event_type, event_id, body)
            for peer, keys in self._keys.items()
        }

    def proves(self, mac: str, stream: str, event_type: str, event_id: str, body: bytes) -> bool:
        """Return whether the producer of `stream` made this event for this service."""
        keys = self._keys.get(producer_of(stream), ())
        made = (_mac(key, stream, self._service, event_type, event_id, body) for key in keys)
        return any(hmac.compare_digest(mac.encode(), one.encode()) for one in made)


def header_of(group: str) -> str:
    """Return the name of the header that holds the MAC for a consuming service."""
    return f"mac-{group}"


def producer_of(stream: str) -> str:
    """Return the service that writes a stream: `whatsinvoice.payments.v1` is written by payments."""
    return stream.split(".")[1] if stream.count(".") > 1 else stream


def _mac(key: bytes, stream: str, group: str, event_type: str, event_id: str, body: bytes) -> str:
    names = f"{stream}\0{group}\0{event_type}\0{event_id}\0".encode()
    return hmac.new(key, names + body, hashlib.sha256).hexdigest()
