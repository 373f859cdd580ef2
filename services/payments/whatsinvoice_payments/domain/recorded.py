"""What invoices have recorded of payments, compared with the payments themselves."""

from dataclasses import dataclass

from whatsinvoice_payments.domain.breach import Breach

NO_PAYMENT, DIFFERS, UNRECORDED, UNPAID = (
    "receipt_without_payment",
    "receipt_differs",
    "payment_unrecorded",
    "invoice_paid_mismatch",
)
CHECKS = (NO_PAYMENT, DIFFERS, UNRECORDED, UNPAID)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A payment as invoices recorded it; minor units."""

    payment_id: str
    business_id: str
    invoice_id: str
    receipt_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A payment of ours; `settled_minor` is None while nothing of it counts."""

    id: str
    business_id: str
    invoice_id: str
    settled_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class InvoiceFault:
    """An invoice whose paid amount does not follow from its receipts, as invoices found it."""

    business_id: str
    invoice_id: str
    detail: str


def compare(recorded: Recorded, settled: Settled | None) -> Breach | None:
    """Return the breach when a receipt and its payment do not agree by id, business, invoice, amount and currency."""
    ids = (recorded.payment_id, recorded.invoice_id, recorded.receipt_id)
    if settled is None or settled.settled_minor is None:
        state = "there is no such payment" if settled is None else "nothing of that payment is settled"
        said = f"has a receipt of {recorded.amount_minor} {recorded.currency}, and {state}"
        return Breach(NO_PAYMENT, recorded.business_id, ids, said)
    theirs = (recorded.business_id, recorded.invoice_id, recorded.amount_minor, recorded.currency)
    ours = (settled.business_id, settled.invoice_id, settled.settled_minor, settled.currency)
    if theirs == ours:
        return None
    said = f"is recorded as {' '.join(map(str, theirs))}, and the payment is {' '.join(map(str, ours))}"
    return Breach(DIFFERS, recorded.business_id, ids, said)


def unrecorded(settled: Settled) -> Breach:
    """Return the breach of a settled payment that no receipt records."""
    said = f"settled {settled.settled_minor} {settled.currency}, and its invoice has not recorded it"
    return Breach(UNRECORDED, settled.business_id, (settled.id, settled.invoice_id), said)


def unpaid(fault: InvoiceFault) -> Breach:
    """Return the breach of an invoice whose money does not follow from its receipts."""
    return Breach(UNPAID, fault.business_id, (fault.invoice_id,), fault.detail)
