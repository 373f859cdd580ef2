"""Paystack's webhooks: the signature over the raw body, what makes two of them the same, and what a charge claims.

Shapes: Paystack's published samples, in which amounts come as number or string and `data` may be a list.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from whatsinvoice_kit.core.errors import ServiceError, invalid

from whatsinvoice_payments.domain.charge import Claim

CHARGE_SUCCESS = "charge.success"
REFUND, DISPUTE, TRANSFER_REJECTED = "refund.", "charge.dispute.", "bank.transfer.rejected"
DEDICATED = "dedicated_nuban"
"""The channel of money that came into an account of a customer's own."""
MAX_NAME = 200
LARGEST = 2**63 - 1

Network = IPv4Network | IPv6Network

NATURAL_IDS: Mapping[str, tuple[str, ...]] = {
    "charge.dispute.": ("id",),
    "charge.": ("reference", "id"),
    "refund.": ("refund_reference", "transaction_reference"),
    "transfer.": ("transfer_code", "reference"),
    "paymentrequest.": ("request_code",),
    "dedicatedaccount.": ("customer_code",),
    "customeridentification.": ("customer_code",),
    "subscription.": ("subscription_code",),
    "invoice.": ("invoice_code",),
}
"""Start of the event's name -> the fields of `data` of which the first present one identifies it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A genuine webhook, and what it is recognised by when it comes again."""

    event: str
    natural_id: str
    body_hash: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A webhook that waits for its effect. `attempts` counts the tries, this one included."""

    id: str
    event: str
    body: bytes
    attempts: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Deposit:
    """Into which account, and whose it is; empty where that cannot be read."""

    account_number: str
    customer_code: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A transfer that the provider sent back: `sent_minor` is 0, and the rest empty, where it does not say."""

    transaction_id: str
    sent_minor: int
    words: str


def signature_of(secret: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA512 over the exact bytes: the `x-paystack-signature` header."""
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


def is_genuine(secret: str, body: bytes, signature: str) -> bool:
    """Whether the holder of the secret signed these very bytes; compared in constant time."""
    return hmac.compare_digest(signature_of(secret, body).encode(), signature.encode())


def comes_from(sources: Sequence[Network], address: str) -> bool:
    """Whether a sender's address is one of the provider's; always, where none are named."""
    if not sources:
        return True
    try:
        sender = ip_address(address)
    except ValueError:
        return False
    plain_sender = getattr(sender, "ipv4_mapped", None) or sender
    return any(plain_sender in network for network in sources)


def read_webhook(body: bytes) -> Received:
    """Reads a body; INVALID_ARGUMENT (BODY_MALFORMED) unless it is an object with an event and its data."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(content, dict) or not isinstance(content.get("event"), str):
        raise _malformed()
    if not isinstance(content.get("data"), (dict, list)):
        raise _malformed()
    event = plain(content["event"])
    return Received(event, _natural_id(event, content["data"]), hashlib.sha256(body).digest(), body)


def claim_of(body: bytes) -> Claim:
    """What a stored `charge.success` says."""
    data = json.loads(body)["data"]
    fields = data if isinstance(data, dict) else {}
    reference, currency = fields.get("reference"), fields.get("currency")
    return Claim(
        plain(reference) if isinstance(reference, str) else "",
        minor_units(fields.get("amount")),
        plain(currency) if isinstance(currency, str) else "",
    )


def deposit_of(body: bytes) -> Deposit | None:
    """The transfer behind a stored `charge.success`, where it came into an account of a customer's own."""
    data = json.loads(body)["data"]
    if not isinstance(data, dict) or data.get("channel") != DEDICATED:
        return None
    authorization, customer = data.get("authorization"), data.get("customer")
    account = authorization.get("receiver_bank_account_number") if isinstance(authorization, dict) else None
    code = customer.get("customer_code") if isinstance(customer, dict) else None
    return Deposit(
        plain(account) if isinstance(account, str) else "",
        plain(code) if isinstance(code, str) else "",
    )


def refunded_reference_of(body: bytes) -> str:
    """Which transaction a stored `refund.*` is about; empty where it does not say."""
    return _text(json.loads(body)["data"], "transaction_reference")


def disputed_of(body: bytes) -> tuple[str, str]:
    """The id of a stored `charge.dispute.*` and the reference of its transaction; empty where it does not say."""
    data = json.loads(body)["data"]
    fields = data if isinstance(data, dict) else {}
    dispute_id = fields.get("id")
    return str(dispute_id) if isinstance(dispute_id, int) else "", _text(fields.get("transaction"), "reference")


def rejection_of(body: bytes) -> Rejection:
    """Return what a stored `bank.transfer.rejected` says."""
    data = json.loads(body)["data"]
    transfer = data.get("bank_transfer") if isinstance(data, dict) else None
    transaction_id = transfer.get("transaction_id") if isinstance(transfer, dict) else None
    sent = minor_units(transfer.get("amount")) if isinstance(transfer, dict) else None
    known = plain(str(transaction_id)) if isinstance(transaction_id, str | int) else ""
    return Rejection(known, max(sent or 0, 0), _text(transfer, "message"))


def _text(fields: object, name: str) -> str:
    found = fields.get(name) if isinstance(fields, dict) else None
    return plain(found) if isinstance(found, str) else ""


def minor_units(given: object) -> int | None:
    """An amount as Paystack writes it, a number or a string of digits; None for all else."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= len(str(LARGEST)):
        given = int(given)
    if isinstance(given, int) and not isinstance(given, bool) and abs(given) <= LARGEST:
        return given
    return None


def plain(text: str) -> str:
    """Text that a database takes: no NUL, no lone surrogates, not endless."""
    return text[:MAX_NAME].replace("\0", "").encode(errors="replace").decode()


def _natural_id(event: str, data: Any) -> str:
    if not isinstance(data, dict):
        return ""
    if event == "bank.transfer.rejected":
        transfer = data.get("bank_transfer")
        return plain(str(transfer.get("transaction_id", ""))) if isinstance(transfer, dict) else ""
    names = next((names for start, names in NATURAL_IDS.items() if event.startswith(start)), ("id", "reference"))
    found = (data[name] for name in names if isinstance(data.get(name), (str, int)))
    return plain(str(next(found, "")))


def _malformed() -> ServiceError:
    return invalid("body", "BODY_MALFORMED", "the body is not an object with an event and its data")
