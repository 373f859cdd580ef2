"""What invoices made of payments, kept beside them: the other half of what the books are checked against."""

from whatsinvoice_kit.core.errors import not_found
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.waiting import NotReady, arrived

from whatsinvoice_payments.domain.allocation import Allocation
from whatsinvoice_payments.repository import allocations as allocation_rows
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.repository import payments as payment_rows


async def record_allocation(tx: Transaction, allocation: Allocation) -> None:
    """Keep it, and move its credit from what is received to the customer's credit; again changes nothing.

    Raises:
        ServiceError: NOT_FOUND (PAYMENT_NOT_FOUND), and so another try, while there is no such payment.
        NotReady: credit goes back that the payment has not given yet: its own allocation is late.
    """
    payment = await payment_rows.payment(tx, allocation.business_id, allocation.payment_id, lock=True)
    if payment is None:
        raise not_found("PAYMENT_NOT_FOUND", "there is no such payment")
    if not await allocation_rows.add_allocation(tx, allocation) or not allocation.credit_minor:
        return
    if allocation.cause_id and allocation.credit_minor > payment.credit_minor:
        raise NotReady(f"credit {allocation.payment_id}")
    await ledger_rows.add_entry_set(tx, payment, allocation.purpose, allocation.postings)
    payment.credit_minor += -allocation.credit_minor if allocation.cause_id else allocation.credit_minor
    await payment_rows.save_payment(tx, payment)
    if not allocation.cause_id:
        await arrived(tx, "payments", f"credit {allocation.payment_id}")
