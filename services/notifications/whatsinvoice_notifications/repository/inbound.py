"""What came in: messages that wait for their answer, statuses that were heard, parts that nobody could read."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.queue import work
from whatsinvoice_kit.queue.work import NewWork

from whatsinvoice_notifications.domain.inbound import Incoming, StatusTold, Waiting
from whatsinvoice_notifications.models import INBOUND_MESSAGES, INBOUND_STATUSES, INBOUND_UNREAD, KIT_TABLES

MESSAGE, STATUS = "inbound_message", "message_status"
"""The kinds of work that a stored message and a stored status are."""


async def add_messages(tx: Transaction, messages: Sequence[Incoming]) -> int:
    """Store what is new by the provider's id, put it to work in order per sender, and return its number."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id("inb"),
            "provider_id": message.provider_id,
            "sender": message.sender,
            "phone": message.phone,
            "user_id": message.user_id,
            "name": message.name,
            "kind": message.kind,
            "type": message.type,
            "text": message.text,
            "about": message.about,
            "raw": message.raw,
            "sent_at": message.sent_at,
        }
        for message in messages
    ]
    if not rows:
        return 0
    statement = insert(INBOUND_MESSAGES).values(rows).on_conflict_do_nothing(index_elements=["provider_id"])
    fresh = set((await tx.execute(statement.returning(INBOUND_MESSAGES.c.id))).scalars())
    pieces = [NewWork(MESSAGE, row["id"], order_key=row["sender"]) for row in rows if row["id"] in fresh]
    await work.add(tx, KIT_TABLES.work, pieces)
    return len(fresh)


async def add_statuses(tx: Transaction, statuses: Sequence[StatusTold]) -> int:
    """Store what is new by message and status, put it to work in order per message, and return its number."""
    rows = [{"provider_id": told.provider_id, "status": told.status, "raw": told.raw} for told in statuses]
    if not rows:
        return 0
    table = INBOUND_STATUSES
    statement = insert(table).values(rows).on_conflict_do_nothing().returning(table.c.provider_id, table.c.status)
    fresh = (await tx.execute(statement)).all()
    pieces = [NewWork(STATUS, f"{row.status} {row.provider_id}", order_key=row.provider_id) for row in fresh]
    await work.add(tx, KIT_TABLES.work, pieces)
    return len(fresh)


async def status_of(tx: Transaction, key: str) -> bytes | None:
    """Return the stored status behind a piece of work, as Meta sent it."""
    status, _, provider_id = key.partition(" ")
    table = INBOUND_STATUSES
    statement = select(table.c.raw).where(table.c.provider_id == provider_id, table.c.status == status)
    return (await tx.execute(statement)).scalar_one_or_none()


async def add_unread(tx: Transaction, parts: Sequence[bytes]) -> None:
    rows = [{"digest": hashlib.sha256(part).digest(), "raw": part} for part in parts]
    if rows:
        await tx.execute(insert(INBOUND_UNREAD).values(rows).on_conflict_do_nothing())


async def waiting_message(tx: Transaction, inbound_id: str, attempts: int) -> Waiting | None:
    """Return the stored message behind a piece of work; None when it is answered or gone."""
    table = INBOUND_MESSAGES
    row = (await tx.execute(select(table).where(table.c.id == inbound_id, table.c.done_at.is_(None)))).one_or_none()
    if row is None:
        return None
    incoming = Incoming(
        row.provider_id,
        row.phone,
        row.user_id,
        row.name,
        row.kind,
        row.type,
        row.text,
        row.sent_at,
        row.raw,
        row.about,
    )
    return Waiting(row.id, attempts, row.received_at, incoming)


async def is_replaced(tx: Transaction, message: Incoming) -> bool:
    """Return whether the sender edited or deleted the message since."""
    table = INBOUND_MESSAGES
    later = select(table.c.id).where(table.c.about == message.provider_id, table.c.sender == message.sender).limit(1)
    return (await tx.execute(later)).one_or_none() is not None


async def led_to(tx: Transaction, message: Incoming) -> str:
    """Return the id of the invoice that the earlier message of the sender led to; empty where it led to none."""
    table = INBOUND_MESSAGES
    earlier = select(table.c.invoice_id).where(table.c.provider_id == message.about, table.c.sender == message.sender)
    found = (await tx.execute(earlier)).scalar_one_or_none()
    return found or ""


async def note_invoice(tx: Transaction, provider_ids: Sequence[str], invoice_id: str) -> None:
    """Keep the invoice that these messages led to."""
    await tx.execute(
        update(INBOUND_MESSAGES).where(INBOUND_MESSAGES.c.provider_id.in_(provider_ids)).values(invoice_id=invoice_id)
    )


async def finish(tx: Transaction, inbound_id: str, outcome: str) -> None:
    await tx.execute(
        update(INBOUND_MESSAGES).where(INBOUND_MESSAGES.c.id == inbound_id).values(done_at=func.now(), outcome=outcome)
    )
