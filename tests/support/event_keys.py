"""Keys that the services of a test share for their events: one for every pair."""

import json

from whatsinvoice_kit.events.authentic import EventKeys, producer_of

PEERS = ("auth", "invoices", "payments", "notifications")
KEY = "a key that all services of the tests share"
EVENT_KEYS = json.dumps({peer: [KEY] for peer in PEERS})


def keys_of(service: str) -> EventKeys:
    """Return the keys of one service."""
    return EventKeys.parse(service, EVENT_KEYS)


def keys_for(stream: str, group: str) -> EventKeys:
    """Return keys with which one service both writes a stream and reads it as a group."""
    return EventKeys(group, {group: [KEY], producer_of(stream): [KEY]})
