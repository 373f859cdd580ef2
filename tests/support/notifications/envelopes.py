"""Webhooks as Meta sends them, to be changed where a test says so."""

import json
import time
from typing import Any

from whatsinvoice_kit.core.ids import new_id


def a_message(phone: str, text: str = "hello", **changes: Any) -> dict[str, Any]:
    """A text message from a phone, just now."""
    message = {
        "from": phone.removeprefix("+"),
        "id": f"wamid.{new_id('msg')}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
    }
    return message | changes


def a_status(status: str, correlation: str, provider_id: str, **changes: Any) -> dict[str, Any]:
    """News of a message of ours."""
    told = {
        "id": provider_id,
        "status": status,
        "timestamp": str(int(time.time())),
        "biz_opaque_callback_data": correlation,
    }
    return told | changes


def a_change(phone: str, to: str, kind: str = "user_changed_number") -> dict[str, Any]:
    """A number changed hands, as WhatsApp tells it: from the old one, and without contacts."""
    system = {"type": kind, "wa_id": to.removeprefix("+"), "body": "User changed from one to another"}
    message = a_message(phone, type="system", system=system)
    del message["text"]
    return {"messages": [message]}


def a_contact(phone: str, **changes: Any) -> dict[str, Any]:
    return {"profile": {"name": "Jane"}, "wa_id": phone.removeprefix("+")} | changes


def envelope(*values: dict[str, Any]) -> bytes:
    """One change for each value."""
    changes = [{"field": "messages", "value": {"messaging_product": "whatsapp", **value}} for value in values]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()
