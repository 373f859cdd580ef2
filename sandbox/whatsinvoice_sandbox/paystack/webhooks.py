"""Paystack's webhooks: `charge.success`, signed over the raw body, on the documented schedule."""

import hashlib
import hmac
import itertools
import json
from typing import Any

from whatsinvoice_sandbox.delivery import Deliveries, Webhook
from whatsinvoice_sandbox.faults import Fault, Faults
from whatsinvoice_sandbox.settings import Settings

from .shapes import charge_success
from .transactions import Transaction

# Every 3 minutes for the first 4 tries, then hourly for 72 hours: the live schedule, in test mode as well, because it
# is the one that production meets. [docs, webhooks]
WAITS = (*itertools.repeat(180.0, 3), *itertools.repeat(3600.0, 72))
_TIMEOUT_SECONDS = 30.0


def signature(secret_key: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA512 over the exact bytes: the `x-paystack-signature` header."""
    return hmac.new(secret_key.encode(), body, hashlib.sha512).hexdigest()


def told_wrongly(data: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """The same facts with one of amount, currency and reference false."""
    wrong = {
        "amount": int(data["amount"]) // 2,
        "currency": "GHS" if data["currency"] != "GHS" else "NGN",
        "reference": f"{data['reference']}.x",
    }
    chosen = fault.field or sorted(wrong)[data["id"] % len(wrong)]
    return data | {chosen: wrong[chosen]}


class PaystackWebhooks:
    def __init__(self, settings: Settings, deliveries: Deliveries, faults: Faults) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._faults = faults

    def charge_succeeded(self, transaction: Transaction) -> None:
        data = charge_success(transaction)
        if fault := self._faults.draw("paystack", "webhook", "lie"):
            data = told_wrongly(data, fault)
        self._send("charge.success", transaction.reference, data)

    def _send(self, event: str, key: str, data: dict[str, Any]) -> None:
        # "/" escaped and text in ASCII, as PHP and JavaScript senders mix them: a receiver that parses and writes
        # the body again before it checks the signature does not get the same bytes.
        body = json.dumps({"event": event, "data": data}, separators=(",", ":")).replace("/", "\\/").encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "Paystack/2.0",
            "x-paystack-signature": signature(self._settings.paystack_secret_key, body),
        }
        self._deliveries.send(
            Webhook("paystack", event, key, self._settings.paystack_webhook_url, body, headers, WAITS, _TIMEOUT_SECONDS)
        )
