"""One-time codes: queued sealed, sent once, then dropped."""

from datetime import datetime

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_notifications import texts
from whatsinvoice_notifications.domain.message import Content, Message, Outgoing, Purpose
from whatsinvoice_notifications.repository import contacts, members, messages
from whatsinvoice_notifications.sealing import Sealer
from whatsinvoice_notifications.service.holds import is_held

log = structlog.get_logger(__name__)

WORDLESS = Content("")
"""What is kept of a code beside the sealed one: nothing."""


async def queue_code(tx: Transaction, sealer: Sealer, code_id: str, phone: str, code: str, expires: datetime) -> None:
    """Queues a code once per code_id; INVALID_ARGUMENT (PHONE_INVALID) for what is no E.164 number.

    A member whose number changed hands gets none: it would let in whoever has the number now. Auth is not told, as it
    answers everybody alike.
    """
    if not phone.startswith("+"):
        raise invalid("phone", "PHONE_INVALID", "give the phone in E.164")
    number = to_e164(phone, "NG")
    contact_id = await contacts.contact_for(tx, number)
    if await members.member_by_phone(tx, number) and await is_held(tx, contact_id, now()):
        log.warning("code withheld, the number changed hands", code_request=code_id, contact=contact_id)
        return
    key = f"code:{code_id}"
    await messages.queue(
        tx,
        Outgoing(
            Purpose.ONE_TIME_CODE,
            contact_id,
            key,
            WORDLESS,
            sealed=sealer.seal(code, key),
            expires_at=expires,
        ),
    )


def unsealed(sealer: Sealer, message: Message) -> Content:
    """What the message says, with the code in it where it is a code."""
    if message.sealed is None:
        return message.content
    return texts.render("one_time_code", code=sealer.open(message.sealed, message.dedupe_key))
