"""Money that the merchant took herself: a payment that is over as soon as it is written, in the books and told."""

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import precondition
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments import events
from whatsinvoice_payments.domain.manual import MoneyTaken, postings_of_manual
from whatsinvoice_payments.domain.payment import Payable, Payment
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.service.settlement import SUCCESS_PURPOSE


async def record_payment(tx: Transaction, payable: Payable, given: MoneyTaken) -> Payment:
    """What exceeds the amount due becomes the customer's credit.

    Raises:
        ServiceError: FAILED_PRECONDITION (INVOICE_NOT_PAYABLE) when nothing is due, or when all that was due has just
            been taken; INVALID_ARGUMENT as `MoneyTaken.checked`.
    """
    moment = now()
    taken = given.checked(moment)
    if payable.due_minor <= 0:
        raise precondition("INVOICE_NOT_PAYABLE", "nothing can be paid on this invoice now")
    await payment_rows.lock_invoice(tx, payable.invoice_id)
    latest = await payment_rows.latest_attempt(tx, payable.business_id, payable.invoice_id)
    amount = taken.amount_minor or payable.due_minor
    if latest and amount == payable.due_minor and latest.ahead_of_invoices(payable, moment):
        raise precondition("INVOICE_NOT_PAYABLE", "a payment of this amount has just arrived")
    payment = taken.payment(payable, latest.number + 1 if latest else 1, moment)
    await payment_rows.add_payment(tx, payment)
    await ledger_rows.add_entry_set(tx, payment, SUCCESS_PURPOSE, postings_of_manual(taken.method, amount))
    tx.publish(events.payment_succeeded(payment))
    return payment
