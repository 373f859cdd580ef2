"""Payments that the merchant enters (cash, transfer, POS), and undoing them."""

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import precondition
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments import events
from whatsinvoice_payments.domain.manual import MoneyTaken, checked_reason, postings_of_manual, postings_of_undo
from whatsinvoice_payments.domain.payment import MANUAL, Payable, Payment, Status
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.service.books import get_payment
from whatsinvoice_payments.service.intents import due_now, warn_of_open_transfers
from whatsinvoice_payments.service.settlement import SUCCESS_PURPOSE

UNDO = "undo"


async def record_payment(tx: Transaction, payable: Payable, given: MoneyTaken) -> Payment:
    """Record money that the merchant took.

    Raises:
        ServiceError: FAILED_PRECONDITION (INVOICE_NOT_PAYABLE) when nothing is due, and as `due_now`;
            INVALID_ARGUMENT as `MoneyTaken.checked` and `amount_of`.
    """
    moment = now()
    taken = given.checked(moment)
    if payable.due_minor <= 0:
        raise precondition("INVOICE_NOT_PAYABLE", "nothing can be paid on this invoice now")
    await payment_rows.lock_invoice(tx, payable.invoice_id)
    payable = await due_now(tx, payable)
    number = await payment_rows.next_number(tx, payable.business_id, payable.invoice_id)
    payment = taken.payment(payable, number, moment)
    await payment_rows.add_payment(tx, payment)
    postings = postings_of_manual(taken.method, payment.paid_minor)
    await ledger_rows.add_entry_set(tx, payment, SUCCESS_PURPOSE, postings)
    tx.publish(events.payment_succeeded(payment))
    await warn_of_open_transfers(tx, payment)
    return payment


async def undo_payment(tx: Transaction, business_id: str, payment_id: str, reason: str) -> Payment:
    """Take back a payment that the merchant entered; its invoice is due again.

    Raises:
        ServiceError: NOT_FOUND (PAYMENT_NOT_FOUND), FAILED_PRECONDITION (PAYMENT_NOT_MANUAL, PAYMENT_UNDONE),
            INVALID_ARGUMENT as `checked_reason`.
    """
    why = checked_reason(reason)
    payment = await get_payment(tx, business_id, payment_id, lock=True)
    if payment.provider != MANUAL:
        raise precondition("PAYMENT_NOT_MANUAL", "the provider took this payment: refund it")
    if payment.status is not Status.SUCCEEDED:
        raise precondition("PAYMENT_UNDONE", "the payment was undone before")
    amount = payment.undo(why)
    await payment_rows.save_payment(tx, payment)
    await ledger_rows.add_entry_set(tx, payment, UNDO, postings_of_undo(payment.channel, amount))
    tx.publish(events.payment_reversed(payment, amount, UNDO, payment.id, reopen=True))
    return payment
