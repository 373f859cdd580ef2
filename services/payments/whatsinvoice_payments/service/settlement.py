"""Settling: the one way by which a verified charge becomes a payment's state, ledger entries and an event."""

from dataclasses import dataclass
from enum import Enum

import structlog
from prometheus_client import Counter
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments import events
from whatsinvoice_payments.domain import charge as charges
from whatsinvoice_payments.domain.charge import Charge, ChargeStatus, Claim
from whatsinvoice_payments.domain.ledger import postings_of_success
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.quarantine import Finding, Kind
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import quarantine as quarantine_rows
from whatsinvoice_payments.service.intents import warn_of_open_transfers

log = structlog.get_logger(__name__)

QUARANTINED = Counter(
    "payments_quarantined_total", "Money that contradicts what was asked and was not applied", ["what"]
)
for _kind in Kind:
    QUARANTINED.labels(_kind.value)  # from zero: the first one of all is an increase too, and somebody is to be woken
SETTLED = Counter("payments_settled_total", "Payments settled because of a webhook or because we asked", ["because"])
for _cause in ("webhook", "asked"):
    SETTLED.labels(_cause)
SUCCESS_PURPOSE = "payment"


class Result(Enum):
    """What settling did."""

    SETTLED = "settled"
    UNCHANGED = "unchanged"
    NOT_YET = "not_yet"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Settled:
    """The result, and the reason where there is one."""

    result: Result
    reason: str = ""


async def settle(
    tx: Transaction,
    reference: str,
    charge: Charge,
    claim: Claim | None = None,
    webhook_id: str = "",
    *,
    captured: bool = False,
) -> Settled:
    """Apply what the provider verified; a repeat changes nothing. The claim is what a signed webhook said.

    Only `success` counts as paid. A reversed charge is booked where refunds, disputes or a signed success prove that it
    had been `captured`; `MoneyBack.bring_in_line` then books what went back. Any other reversed charge, such as a
    transfer that was sent back to its sender, was never paid.
    """
    payment = await payment_rows.payment_by_reference(tx, reference, lock=True)
    if payment is None:
        unknown = "no payment of ours has this reference"
        finding = Finding(Kind.REFERENCE, reference, unknown, amount_minor=charge.paid_minor, currency=charge.currency)
        return await hold_back(tx, finding)
    signed_success = claim is not None
    if charge.status is ChargeStatus.OPEN or (charge.status is ChargeStatus.FAILED and signed_success):
        return Settled(Result.NOT_YET, charge.words)
    if charge.status is ChargeStatus.FAILED:
        return await _fail(tx, payment, charge.words)
    if charge.status is ChargeStatus.REVERSED and not captured:
        return await _fail(tx, payment, charge.words or "the provider reversed it")
    reason = charges.contradiction(payment, charge, claim)
    if reason:
        return await _hold(tx, payment, charge, reason, webhook_id)
    settled = await _succeed(tx, payment, charge)
    if settled.result is Result.SETTLED:
        SETTLED.labels("webhook" if signed_success else "asked").inc()
    return settled


async def hold_back(tx: Transaction, finding: Finding) -> Settled:
    """Keeps, counts and reports what a person has to look at; what was found before is not reported again."""
    if await quarantine_rows.add_finding(tx, finding):
        what, reference = finding.kind.value, finding.reference
        QUARANTINED.labels(what).inc()
        log.error("money quarantined", what=what, reference=reference, reason=finding.reason)
    return Settled(Result.QUARANTINED, finding.reason)


async def _hold(tx: Transaction, payment: Payment, charge: Charge, reason: str, webhook_id: str) -> Settled:
    """Money that came for an open attempt waits with it; what is said of a settled one changes nothing but the list."""
    kind = Kind.WEBHOOK if payment.final else Kind.PAYMENT
    finding = Finding(
        kind, payment.reference, reason, payment.id, payment.business_id, charge.paid_minor, charge.currency, webhook_id
    )
    if not payment.final:
        payment.end_as(Status.QUARANTINED, reason)
        if charges.is_captured(payment, charge):
            payment.hold(charge.paid_minor, charge.fees_minor, charge.channel, charge.paid_at or now())
        await payment_rows.save_payment(tx, payment)
        tx.publish(events.payment_quarantined(payment))
    return await hold_back(tx, finding)


async def _succeed(tx: Transaction, payment: Payment, charge: Charge) -> Settled:
    if payment.final:
        return Settled(Result.UNCHANGED)
    await apply(tx, payment, charge)
    return Settled(Result.SETTLED)


async def apply(tx: Transaction, payment: Payment, charge: Charge) -> None:
    """Book a locked payment: its state, its ledger entries and its events."""
    amount = charges.settled_minor(charge)
    payment.succeed(amount, charge.paid_minor, charge.fees_minor, charge.channel, charge.paid_at or now())
    await payment_rows.save_payment(tx, payment)
    postings = postings_of_success(amount, charge.paid_minor, charge.fees_minor)
    await ledger_rows.add_entry_set(tx, payment, SUCCESS_PURPOSE, postings)
    tx.publish(events.payment_succeeded(payment))
    await warn_of_open_transfers(tx, payment)


async def _fail(tx: Transaction, payment: Payment, reason: str) -> Settled:
    if not payment.open:
        return Settled(Result.UNCHANGED)
    await fail(tx, payment, reason, returned=payment.takes_transfer)
    return Settled(Result.SETTLED)


async def fail(tx: Transaction, payment: Payment, reason: str, *, returned: bool = False, sent_minor: int = 0) -> None:
    """Fail a locked open payment, in the provider's words; `returned`: a transfer went back to its sender."""
    payment.fail(reason)
    await payment_rows.save_payment(tx, payment)
    tx.publish(events.payment_failed(payment, transfer_returned=returned, sent_minor=sent_minor))
