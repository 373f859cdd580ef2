"""What invoices made of payments, kept beside them: the other half of what the books are checked against."""

from whatsinvoice_kit.core.errors import not_found
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.allocation import Allocation
from whatsinvoice_payments.repository import allocations as allocation_rows
from whatsinvoice_payments.repository import ledger as ledger_rows
from whatsinvoice_payments.repository import payments as payment_rows


async def record_allocation(tx: Transaction, allocation: Allocation) -> None:
    """Keeps it, and moves its credit from what is received to what the customer has good; again changes nothing.

    Raises:
        ServiceError: NOT_FOUND (PAYMENT_NOT_FOUND), and so another try, while there is no such payment.
    """
    payment = await payment_rows.payment(tx, allocation.business_id, allocation.payment_id)
    if payment is None:
        raise not_found("PAYMENT_NOT_FOUND", "there is no such payment")
    if await allocation_rows.add_allocation(tx, allocation) and allocation.postings:
        await ledger_rows.add_entry_set(tx, payment, allocation.purpose, allocation.postings)
