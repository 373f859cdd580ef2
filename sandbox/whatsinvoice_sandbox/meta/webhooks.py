"""Meta's webhooks: inbound messages and statuses, batched, signed with `X-Hub-Signature-256`, retried with backoff."""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

from whatsinvoice_sandbox.delivery import Deliveries, Webhook
from whatsinvoice_sandbox.phones import Phone, PhoneMessage
from whatsinvoice_sandbox.settings import Settings

_WABA_ID = "102290129340398"
_BATCH_SECONDS = 0.02
_BATCH_MOST = 100
_DELIVERED_AFTER_SECONDS = 0.15
_TIMEOUT_SECONDS = 20.0
_SEVEN_DAYS = 7 * 24 * 3600


def _backoff() -> tuple[float, ...]:
    """5 s, doubling up to 6 hours, for 7 days: Meta publishes no schedule, receivers report this shape."""
    waits: list[float] = []
    while sum(waits) < _SEVEN_DAYS:
        waits.append(min(5.0 * 2 ** len(waits), 6 * 3600.0))
    return tuple(waits)


WAITS = _backoff()


def signature(app_secret: str, body: bytes) -> str:
    """The `X-Hub-Signature-256` header: `sha256=` and the hex HMAC-SHA256 over the exact bytes."""
    return f"sha256={hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()}"


@dataclass(frozen=True, slots=True)
class _Part:
    """One message or status, for one of our numbers. `contact` None: Meta sends none."""

    number_id: str
    contact: dict[str, Any] | None
    told: dict[str, Any]


class MetaWebhooks:
    def __init__(self, settings: Settings, deliveries: Deliveries) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._messages: list[_Part] = []
        self._statuses: list[_Part] = []
        self._flushing = False

    def phone_wrote(
        self, phone: Phone, message: dict[str, Any], *, hide_number: bool, to_number_id: str = "", group_id: str = ""
    ) -> None:
        """Announce `message`, which comes without its sender. A hidden number leaves only the business-scoped id.

        `to_number_id` is another number of the same app; `group_id` makes it a message of a group.
        """
        contact = _contact(phone, hide_number=hide_number)
        sender = {} if hide_number else {"from": phone.number}
        group = {"group_id": group_id} if group_id else {}
        told = {**sender, "from_user_id": phone.user_id, **group, **message}
        self._messages.append(_Part(to_number_id or self._settings.whatsapp_phone_number_id, contact, told))
        self._flush_soon()

    def number_changed(self, phone: Phone, system: dict[str, Any], message_id: str) -> None:
        """Announce a `system` message of this phone, which comes without contacts."""
        told = {
            "from": phone.number,
            "id": message_id,
            "timestamp": str(int(time.time())),
            "type": "system",
            "system": system,
        }
        self._messages.append(_Part(self._settings.whatsapp_phone_number_id, None, told))
        self._flush_soon()

    def message_accepted(self, phone: Phone, message: PhoneMessage, category: str, *, hide_number: bool) -> None:
        """Announces `sent` now and `delivered` a moment later, each with what the message costs."""
        pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
        self.status(phone, message, "sent", pricing, hide_number=hide_number)

        def deliver() -> None:
            if phone.advance(message, "delivered"):
                self.status(phone, message, "delivered", pricing, hide_number=hide_number)

        asyncio.get_running_loop().call_later(_DELIVERED_AFTER_SECONDS, deliver)

    def status(
        self,
        phone: Phone,
        message: PhoneMessage,
        status: str,
        pricing: dict[str, Any] | None = None,
        *,
        hide_number: bool = False,
    ) -> None:
        """Announce how far a message has come, with the contact beside it."""
        told: dict[str, Any] = {"id": message.id, "status": status, "timestamp": str(int(time.time()))}
        if not hide_number:
            told["recipient_id"] = phone.number
        told["recipient_user_id"] = phone.user_id
        if message.callback_data is not None:
            told["biz_opaque_callback_data"] = message.callback_data
        if pricing is not None:
            told["pricing"] = pricing
        contact = _contact(phone, hide_number=hide_number)
        self._statuses.append(_Part(self._settings.whatsapp_phone_number_id, contact, told))
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_later(_BATCH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        messages, self._messages = self._messages, []
        statuses, self._statuses = self._statuses, []
        for event, parts in (("messages", messages), ("statuses", statuses)):
            for start in range(0, len(parts), _BATCH_MOST):
                batch = parts[start : start + _BATCH_MOST]
                self._send(event, batch[0].told["id"], _changes(event, batch))

    def _send(self, event: str, key: str, values: list[dict[str, Any]]) -> None:
        common = {"messaging_product": "whatsapp"}
        for value in values:
            value["metadata"] = {
                "display_phone_number": self._settings.business_number,
                "phone_number_id": value["metadata"],
            }
        changes = [{"field": "messages", "value": common | value} for value in values]
        envelope = {"object": "whatsapp_business_account", "entry": [{"id": _WABA_ID, "changes": changes}]}
        body = json.dumps(envelope, separators=(",", ":")).replace("/", "\\/").encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "facebookexternalua",
            "x-hub-signature-256": signature(self._settings.whatsapp_app_secret, body),
        }
        url = self._settings.whatsapp_webhook_url
        self._deliveries.send(Webhook("meta", event, key, url, body, headers, WAITS, _TIMEOUT_SECONDS))


def _contact(phone: Phone, *, hide_number: bool) -> dict[str, Any]:
    contact: dict[str, Any] = {"profile": {"name": phone.name}, "user_id": phone.user_id}
    if hide_number:
        contact["profile"]["username"] = f"user{phone.user_id[-6:]}"
    else:
        contact["wa_id"] = phone.number
    return contact


def _changes(event: str, parts: list[_Part]) -> list[dict[str, Any]]:
    """One change for each number; in it all contacts, as Meta batches them, and each message names its sender."""
    changes: dict[str, dict[str, Any]] = {}
    for part in parts:
        change = changes.setdefault(part.number_id, {"metadata": part.number_id, event: []})
        if part.contact is not None and part.contact not in change.setdefault("contacts", []):
            change["contacts"].append(part.contact)
        change[event].append(part.told)
    return list(changes.values())
