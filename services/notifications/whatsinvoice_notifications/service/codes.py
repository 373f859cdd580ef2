"""One-time codes: queued sealed, sent once, then dropped."""

from datetime import datetime

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_notifications import texts
from whatsinvoice_notifications.domain.message import Content, Message, Outgoing, Purpose
from whatsinvoice_notifications.repository import contacts, messages
from whatsinvoice_notifications.sealing import Sealer

WORDLESS = Content("")
"""What is kept of a code beside the sealed one: nothing."""


async def queue_code(tx: Transaction, sealer: Sealer, code_id: str, phone: str, code: str, expires: datetime) -> None:
    """Queues a code once per code_id; INVALID_ARGUMENT (PHONE_INVALID) for what is no E.164 number."""
    if not phone.startswith("+"):
        raise invalid("phone", "PHONE_INVALID", "give the phone in E.164")
    key = f"code:{code_id}"
    await messages.queue(
        tx,
        Outgoing(
            Purpose.ONE_TIME_CODE,
            await contacts.contact_for(tx, to_e164(phone, "NG")),
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
