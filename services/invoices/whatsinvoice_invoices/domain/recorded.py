"""A payment as an invoice has recorded it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedPayment:
    """One receipt; the amount is in minor units and includes what became credit."""

    payment_id: str
    business_id: str
    invoice_id: str
    receipt_id: str
    amount_minor: int
    currency: str
