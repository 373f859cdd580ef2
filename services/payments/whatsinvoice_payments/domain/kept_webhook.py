"""Webhooks that are kept: which of them do nothing, and why; how a person looks for some of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

KEPT_ONLY: Mapping[str, str] = {
    "customeridentification.": "accounts are opened for customers who need no identification",
    "dedicatedaccount.assign.": "an account of a customer's own is known from the answer that opened it",
    "direct_debit.authorization.": "nobody is debited directly",
    "invoice.": "it is of a subscription, and we have none",
    "paymentrequest.": "invoices are our own; no payment request is ever made",
    "preauthorization.": "no card is charged later than its payer acts",
    "subscription.": "we have none",
    "transfer.": "merchants are paid out to their subaccounts, not by transfers of ours; no invoice is paid by one",
}
"""Start of the event's name -> why such an event is kept and does nothing (all events of the provider's documentation
that move none of our money)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Stored webhooks by what is known of them; empty takes all. `about` is the natural id: a charge's reference."""

    id: str = ""
    event: str = ""
    about: str = ""
    outcome: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """A stored webhook as a person looks at it; `emptied` where its body is too old to be kept."""

    id: str
    event: str
    natural_id: str
    received_at: datetime
    processed_at: datetime | None
    outcome: str
    error: str
    emptied: bool


def why_kept_only(event: str) -> str | None:
    """Why a known event does nothing; None for one that nobody has thought about."""
    return next((why for start, why in KEPT_ONLY.items() if event.startswith(start)), None)
