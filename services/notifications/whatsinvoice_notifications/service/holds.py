"""Numbers that changed hands: WhatsApp says so, and for a day nobody is acted for by them."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications.domain.people import Conversation
from whatsinvoice_notifications.repository import contacts, conversations

log = structlog.get_logger(__name__)


async def hold(tx: Transaction, contact_id: str, new_phone: str) -> None:
    """Holds the number that was given up and the new one (E.164, or empty), be they members' now or soon.

    The person goes with her user id, so the old number's next owner must not be found by it.
    """
    await contacts.give_up_user_id(tx, contact_id)
    held = {contact_id} | ({await contacts.contact_for(tx, new_phone)} if new_phone else set())
    await hold_all(tx, sorted(held))


async def hold_all(tx: Transaction, contact_ids: Sequence[str]) -> None:
    """Let these contacts act for no business for a day."""
    for contact_id in contact_ids:
        await conversations.put_conversation(tx, contact_id, Conversation(contact_id, "", "held", {}))
        log.info("number held: it changed hands", contact=contact_id)


async def is_held(tx: Transaction, contact_id: str, moment: datetime) -> bool:
    shown = await conversations.conversation_of(tx, contact_id)
    return shown is not None and shown.holds(moment)
