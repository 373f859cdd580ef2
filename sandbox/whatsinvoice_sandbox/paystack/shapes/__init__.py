"""How Paystack writes what it keeps: the JSON of its answers and webhooks, with the types as mixed as its own."""

from datetime import datetime

INTEGRATION = 463433
"""The number of the merchant's account; the sandbox has one."""


def timestamp(moment: datetime) -> str:
    """UTC to the millisecond, as Paystack writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def timestamp_or_none(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None
