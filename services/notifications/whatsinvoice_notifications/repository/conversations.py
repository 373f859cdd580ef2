"""What each merchant was last shown."""

from dataclasses import asdict

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications.domain.people import Conversation
from whatsinvoice_notifications.models import CONVERSATIONS


async def conversation_of(tx: Transaction, contact_id: str) -> Conversation | None:
    row = (await tx.execute(select(CONVERSATIONS).where(CONVERSATIONS.c.contact_id == contact_id))).one_or_none()
    return Conversation(**row._mapping) if row else None  # noqa: SLF001  (SQLAlchemy's own name for it)


async def put_conversation(tx: Transaction, contact_id: str, conversation: Conversation | None) -> None:
    """Replaces what the contact was shown; None forgets it."""
    if conversation is None:
        await tx.execute(delete(CONVERSATIONS).where(CONVERSATIONS.c.contact_id == contact_id))
        return
    values = asdict(conversation) | {"updated_at": func.now()}
    statement = insert(CONVERSATIONS).values(values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["contact_id"], set_=values))
