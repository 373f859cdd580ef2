"""What is open or just collected for an invoice, asked before another way to pay it is offered."""

from dataclasses import replace
from datetime import datetime

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import precondition
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments import events
from whatsinvoice_payments.domain.options import minimum_of
from whatsinvoice_payments.domain.payment import SUBACCOUNT, TRANSFER, Payable, Payment, Status
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import virtual_accounts as account_rows
from whatsinvoice_payments.service.payouts import active_subaccount


async def due_now(tx: Transaction, payable: Payable) -> Payable:
    """Return what is really due: less the payments that have succeeded and that the amount due does not include yet.

    Raises:
        ServiceError: FAILED_PRECONDITION (PAYMENT_UNDER_REVIEW) while money for the invoice is in quarantine,
            (INVOICE_NOT_PAYABLE) where nothing is left.
    """
    if await payment_rows.quarantined_of(tx, payable.business_id, payable.invoice_id):
        message = "we have a payment for this invoice, and it is being checked"
        raise precondition("PAYMENT_UNDER_REVIEW", message)
    succeeded = await payment_rows.succeeded_of(tx, payable.business_id, payable.invoice_id)
    ahead = sum(amount for payment_id, amount in succeeded.items() if payment_id not in payable.recorded_payment_ids)
    if ahead >= payable.due_minor:
        raise precondition("INVOICE_NOT_PAYABLE", "a payment has just arrived, and is being recorded")
    return replace(payable, due_minor=payable.due_minor - ahead)


async def due_online(tx: Transaction, payable: Payable) -> Payable:
    """Return what is really due, as `due_now`, where the provider can collect it. Raise as `require_online`."""
    due = await due_now(tx, payable)
    require_online(due)
    return due


def require_online(payable: Payable) -> None:
    """Raise FAILED_PRECONDITION where the provider cannot collect what is due.

    INVOICE_NOT_PAYABLE: nothing is due. AMOUNT_BELOW_MINIMUM: the provider takes no amount so small.
    """
    if payable.due_minor <= 0:
        raise precondition("INVOICE_NOT_PAYABLE", "nothing can be paid on this invoice now")
    minimum = minimum_of(payable.due_minor, payable.currency)
    if minimum is not None:
        raise precondition("AMOUNT_BELOW_MINIMUM", f"online payment starts at {minimum}")


async def begin(tx: Transaction, payable: Payable, means: str, first_check: datetime | None) -> Payment:
    """Add a new attempt by these means, with the split that the merchant's payout account asks for."""
    number = await payment_rows.next_number(tx, payable.business_id, payable.invoice_id)
    attempt = Payment.attempt(payable, number, now(), first_check, means)
    attempt.split_subaccount = await active_subaccount(tx, payable.business_id, payable.currency)
    attempt.split_bearer = SUBACCOUNT if attempt.split_subaccount else ""
    if means == TRANSFER:
        attempt.channel = TRANSFER
    await payment_rows.add_payment(tx, attempt)
    return attempt


async def supersede(tx: Transaction, attempt: Payment) -> None:
    """Make room for another attempt by the same means: an invoice has one open attempt of each."""
    if attempt.status in (Status.INITIALIZED, Status.PENDING):
        attempt.supersede()
        await payment_rows.save_payment(tx, attempt)


async def warn_of_open_transfers(tx: Transaction, payment: Payment) -> None:
    """Publish each account that still takes a transfer for the invoice of a payment that has just succeeded."""
    for open_transfer in await account_rows.open_transfers(tx, payment.business_id, payment.invoice_id, now()):
        tx.publish(events.transfer_account_left_open(open_transfer))
