"""Paystack's webhooks, signed over the raw body, on the documented schedule, and what lies were told in them."""

import hashlib
import hmac
import itertools
import json
from dataclasses import asdict, dataclass
from typing import Any

from whatsinvoice_sandbox.delivery import Deliveries, Webhook
from whatsinvoice_sandbox.faults import Faults
from whatsinvoice_sandbox.settings import Settings

from .customers import Customer
from .dedicated import DedicatedAccount
from .disputes import Dispute, Event
from .refunds import Refund
from .shapes import customers, dedicated, disputes, refunds
from .shapes.transactions import charge_success
from .transactions import Transaction

# Every 3 minutes for the first 4 tries, then hourly for 72 hours: the live schedule, in test mode as well, because it
# is the one that production meets. [docs, webhooks]
WAITS = (*itertools.repeat(180.0, 3), *itertools.repeat(3600.0, 72))
_TIMEOUT_SECONDS = 30.0


def signature(secret_key: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA512 over the exact bytes: the `x-paystack-signature` header."""
    return hmac.new(secret_key.encode(), body, hashlib.sha512).hexdigest()


def told_wrongly(data: dict[str, Any], field: str) -> dict[str, Any]:
    """Return the same facts with `field` (amount, currency, reference or split) false."""
    if field == "split":
        return data | {"split": {}, "subaccount": {}, "fees_split": None}
    wrong = {
        "amount": int(data["amount"]) // 2,
        "currency": "GHS" if data["currency"] != "GHS" else "NGN",
        "reference": f"{data['reference']}.x",
    }
    return data | {field: wrong[field]}


@dataclass(frozen=True, slots=True)
class Lie:
    """A false webhook that went out; `sha256` is of its body, `told_reference` the one that it names."""

    event: str
    reference: str
    field: str
    truth: Any
    told: Any
    told_reference: str
    sha256: str


class PaystackWebhooks:
    def __init__(self, settings: Settings, deliveries: Deliveries, faults: Faults) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._faults = faults
        self._lies: list[Lie] = []

    def charge_succeeded(self, transaction: Transaction) -> None:
        truth = charge_success(transaction)
        fault = self._faults.draw("paystack", "webhook", "lie", "charge.success")
        if fault is None:
            self._send("charge.success", transaction.reference, truth)
            return
        field = self._faults.draw_lie(fault)
        data = told_wrongly(truth, field)
        body = _body_of("charge.success", data)
        if self._send_body("charge.success", transaction.reference, body):
            digest = hashlib.sha256(body).hexdigest()
            told = (truth[field], data[field], data["reference"])
            self._lies.append(Lie("charge.success", transaction.reference, field, *told, digest))

    def refund_moved(self, refund: Refund) -> None:
        self._send(f"refund.{refund.status}", refund.transaction.reference, refunds.told(refund))

    def dispute_moved(self, event: Event, dispute: Dispute) -> None:
        self._send(f"charge.dispute.{event}", str(dispute.id), disputes.told(dispute))

    def transfer_rejected(self, transaction: Transaction, amount: int) -> None:
        """Somebody sent another amount than was asked; it goes back by itself."""
        rejection = {
            "amount": str(amount),
            "message": "incorrect amount sent",
            "message_type": "INCORRECT_AMOUNT",
            "transaction_id": str(transaction.id),
        }
        data = {"bank_transfer": rejection, "customer": customers.told(transaction.customer)}
        self._send("bank.transfer.rejected", transaction.reference, data)

    def account_assigned(self, customer: Customer, account: DedicatedAccount | None) -> None:
        """Without an account: it failed."""
        outcome = "success" if account else "failed"
        data = dedicated.assignment_told(customer, account)
        self._send(f"dedicatedaccount.assign.{outcome}", customer.code, data)

    def customer_identified(self, customer: Customer, bvn: str, reason: str = "") -> None:
        """With a reason: it failed."""
        outcome = "failed" if reason else "success"
        data = dedicated.identification_told(customer, bvn, reason)
        self._send(f"customeridentification.{outcome}", customer.code, data)

    def lies(self) -> list[dict[str, Any]]:
        """Every lie that went out, oldest first; one that was dropped was never told."""
        return [asdict(lie) for lie in self._lies]

    def _send(self, event: str, key: str, data: dict[str, Any]) -> None:
        self._send_body(event, key, _body_of(event, data))

    def _send_body(self, event: str, key: str, body: bytes) -> bool:
        headers = {
            "content-type": "application/json",
            "user-agent": "Paystack/2.0",
            "x-paystack-signature": signature(self._settings.paystack_secret_key, body),
        }
        url = self._settings.paystack_webhook_url
        return self._deliveries.send(Webhook("paystack", event, key, url, body, headers, WAITS, _TIMEOUT_SECONDS))


def _body_of(event: str, data: dict[str, Any]) -> bytes:
    # "/" escaped and text in ASCII, as PHP and JavaScript senders mix them: a receiver that parses and writes the body
    # again before it checks the signature does not get the same bytes.
    return json.dumps({"event": event, "data": data}, separators=(",", ":")).replace("/", "\\/").encode()
