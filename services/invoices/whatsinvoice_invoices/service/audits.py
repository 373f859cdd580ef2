"""What the audit of payments asks about invoices, of every business and page by page."""

from collections.abc import Sequence

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_invoices.domain.breach import Breach
from whatsinvoice_invoices.domain.recorded import RecordedPayment
from whatsinvoice_invoices.repository import invariants
from whatsinvoice_invoices.repository import recorded as rows

MOST_IDS = 100


async def list_recorded(
    tx: Transaction, payment_ids: Sequence[str], cursor: str, limit: int
) -> Sequence[RecordedPayment]:
    """Return recorded payments after the cursor by id of the payment, or the named ones.

    Raises:
        ServiceError: INVALID_ARGUMENT (TOO_MANY_IDS).
    """
    if len(payment_ids) > MOST_IDS:
        raise invalid("payment_ids", "TOO_MANY_IDS", f"name at most {MOST_IDS} payments")
    if payment_ids:
        return await rows.recorded_as(tx, payment_ids)
    return await rows.recorded_after(tx, cursor, limit)


async def check_invoices(tx: Transaction, cursor: str, limit: int) -> tuple[Sequence[str], Sequence[Breach]]:
    """Return the ids of the next invoices, and the faults of their paid amounts."""
    ids = await invariants.invoices_after(tx, cursor, limit)
    return ids, await invariants.of_invoices(tx, ids)
