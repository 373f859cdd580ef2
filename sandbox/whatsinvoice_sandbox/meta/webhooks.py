"""Meta's webhooks: inbound messages and statuses, batched, signed with `X-Hub-Signature-256`, retried with backoff."""

import asyncio
import hashlib
import hmac
import json
import time
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


class MetaWebhooks:
    def __init__(self, settings: Settings, deliveries: Deliveries) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._messages: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._statuses: list[dict[str, Any]] = []
        self._flushing = False

    def phone_wrote(self, phone: Phone, message: dict[str, Any], *, hide_number: bool) -> None:
        """`message` without its sender; a hidden number leaves only the business-scoped id."""
        contact: dict[str, Any] = {"profile": {"name": phone.name}, "user_id": phone.user_id}
        if hide_number:
            contact["profile"]["username"] = f"user{phone.user_id[-6:]}"
        else:
            contact["wa_id"] = phone.number
            message = {"from": phone.number, **message}
        self._messages.append((contact, message))
        self._flush_soon()

    def message_accepted(self, phone: Phone, message: PhoneMessage, category: str, recipient_id: str | None) -> None:
        """Announces `sent` now and `delivered` a moment later, each with what the message costs."""
        pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
        self.status(message, "sent", recipient_id, pricing)

        def deliver() -> None:
            if phone.advance(message, "delivered"):
                self.status(message, "delivered", recipient_id, pricing)

        asyncio.get_running_loop().call_later(_DELIVERED_AFTER_SECONDS, deliver)

    def status(
        self, message: PhoneMessage, status: str, recipient_id: str | None, pricing: dict[str, Any] | None = None
    ) -> None:
        told: dict[str, Any] = {"id": message.id, "status": status, "timestamp": str(int(time.time()))}
        if recipient_id is not None:
            told["recipient_id"] = recipient_id
        if message.callback_data is not None:
            told["biz_opaque_callback_data"] = message.callback_data
        if pricing is not None:
            told["pricing"] = pricing
        self._statuses.append(told)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_later(_BATCH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        messages, self._messages = self._messages, []
        statuses, self._statuses = self._statuses, []
        for start in range(0, len(messages), _BATCH_MOST):
            batch = messages[start : start + _BATCH_MOST]
            changes = [{"contacts": [contact], "messages": told} for contact, told in _by_sender(batch)]
            self._send("messages", batch[0][1]["id"], changes)
        for start in range(0, len(statuses), _BATCH_MOST):
            some = statuses[start : start + _BATCH_MOST]
            self._send("statuses", some[0]["id"], [{"statuses": some}])

    def _send(self, event: str, key: str, values: list[dict[str, Any]]) -> None:
        common = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": self._settings.business_number,
                "phone_number_id": self._settings.whatsapp_phone_number_id,
            },
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


def _by_sender(
    batch: list[tuple[dict[str, Any], dict[str, Any]]],
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """One change per sender, so that a message without `from` still stands beside its contact."""
    changes: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    for contact, message in batch:
        key = json.dumps(contact, sort_keys=True)
        changes.setdefault(key, (contact, []))[1].append(message)
    return list(changes.values())
