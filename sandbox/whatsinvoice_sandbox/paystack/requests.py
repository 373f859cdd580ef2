"""What a transaction request must hold before Paystack takes it."""

import json
import re
import secrets
import string
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from .errors import PaystackError
from .fees import MINIMUM

_DIGITS = re.compile(r"[0-9]{1,15}")
_REFERENCE = re.compile(r"[A-Za-z0-9.=-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CHANNELS = frozenset(
    {"card", "bank", "ussd", "qr", "eft", "mobile_money", "bank_transfer", "apple_pay", "capitec_pay", "payattitude"}
)


@dataclass(frozen=True, slots=True)
class InitializeRequest:
    """`amount` in minor units."""

    email: str
    amount: int
    currency: str
    reference: str
    callback_url: str
    channels: list[str]
    metadata: Any


async def read_fields(request: Request) -> dict[str, Any]:
    """The body's fields, JSON or form."""
    if "form" in request.headers.get("content-type", ""):
        return dict(await request.form())
    try:
        fields = json.loads(await request.body())
    except ValueError as error:
        raise PaystackError(400, "Invalid JSON", "invalid_params", "Send a well-formed JSON body") from error
    if not isinstance(fields, dict):
        raise PaystackError(400, "Invalid JSON", "invalid_params", "Send a JSON object")
    return fields


def parse_initialize(fields: dict[str, Any]) -> InitializeRequest:
    """Raises PaystackError 400 with the documented body."""
    required(fields, "email", "amount")
    email = checked_email(fields["email"])
    currency = fields.get("currency") or "NGN"
    if currency not in MINIMUM:
        next_step = f"Use one of {', '.join(MINIMUM)}"
        raise PaystackError(403, "Currency not supported by merchant", "unsupported_currency", next_step)
    return InitializeRequest(
        email=email,
        amount=_amount(fields["amount"], currency),
        currency=currency,
        reference=_reference(fields.get("reference")),
        callback_url=str(fields.get("callback_url") or ""),
        channels=_channels(fields.get("channels")),
        metadata=_metadata(fields.get("metadata")),
    )


def required(fields: dict[str, Any], *names: str) -> None:
    """Raises PaystackError 400 where one of the names has no value."""
    missing = [name for name in names if fields.get(name) in (None, "")]
    if missing:
        next_step = "Ensure that all required params are sent"
        label = missing[0].replace("_", " ").capitalize()
        raise PaystackError(400, f"{label} is required", "missing_params", next_step)


def checked_email(given: object) -> str:
    """Raises PaystackError 400 for what is no address."""
    if not isinstance(given, str) or not _EMAIL.fullmatch(given):
        next_step = "Ensure that the email is valid"
        raise PaystackError(400, "Invalid Email Address Passed", "invalid_email_address", next_step)
    return given


def positive_amount(given: object) -> int:
    """Minor units, as a number or its digits; raises PaystackError 400 for anything else."""
    text = str(given)
    if isinstance(given, bool) or not _DIGITS.fullmatch(text) or int(text) == 0:
        raise PaystackError(
            400, "Invalid Amount Sent", "invalid_params", "Send the amount in the currency's smallest unit"
        )
    return int(text)


def _amount(given: object, currency: str) -> int:
    amount = positive_amount(given)
    if amount < MINIMUM[currency]:
        least = f"{currency} {MINIMUM[currency] // 100}.{MINIMUM[currency] % 100:02d}"
        raise PaystackError(400, "Invalid Amount Sent", "invalid_amount", f"The least that can be charged is {least}")
    return amount


def _reference(given: object) -> str:
    if given in (None, ""):
        return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))
    if not isinstance(given, str) or not _REFERENCE.fullmatch(given):
        next_step = "Only -, ., = and alphanumeric characters are allowed"
        raise PaystackError(400, "Invalid transaction reference", "invalid_reference", next_step)
    return given


def _channels(given: object) -> list[str]:
    if given in (None, ""):
        return ["card", "bank_transfer", "ussd"]
    if not isinstance(given, list) or not set(map(str, given)) <= _CHANNELS:
        raise PaystackError(400, "Invalid channels", "invalid_params", f"Use some of {', '.join(sorted(_CHANNELS))}")
    return [str(channel) for channel in given]


def _metadata(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given  # Paystack keeps a plain string as it came
