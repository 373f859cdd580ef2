"""What gateways must refuse from now on, in the order in which it was committed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.models import REVOCATIONS

CHANNEL = "auth_revocations"


async def add_revocations(tx: Transaction, subject_ids: Sequence[str], expires_at: datetime) -> None:
    """Sessions and keys that have ended. Call it last: it holds a lock that all share until the transaction ends.

    Without the lock a reader's cursor could pass a number whose transaction commits later.
    """
    if not subject_ids:
        return
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("auth.revocations", 0))))
    rows = [{"subject_id": subject_id, "expires_at": expires_at} for subject_id in subject_ids]
    await tx.execute(insert(REVOCATIONS), rows)


async def revocations_after(
    tx: Transaction, sequence: int, moment: datetime, limit: int
) -> list[tuple[int, str, datetime]]:
    """Those that still matter: (sequence, session or key id, when the last of its tokens has expired)."""
    rows = REVOCATIONS.c
    statement = select(rows.sequence, rows.subject_id, rows.expires_at).where(
        rows.sequence > sequence, rows.expires_at > moment
    )
    found = await tx.execute(statement.order_by(rows.sequence).limit(limit))
    return [(row.sequence, row.subject_id, row.expires_at) for row in found]
