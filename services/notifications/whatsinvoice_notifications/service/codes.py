"""One-time codes: queued by the id of their request, asked of auth when they are sent, kept nowhere."""

import re
from datetime import datetime

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications import texts
from whatsinvoice_notifications.clients import Auth, OneTimeCode
from whatsinvoice_notifications.domain.inbound import Incoming
from whatsinvoice_notifications.domain.message import Content, Outgoing, Purpose
from whatsinvoice_notifications.repository import contacts, members, messages
from whatsinvoice_notifications.service.holds import is_held
from whatsinvoice_notifications.service.merchant import Answer

log = structlog.get_logger(__name__)

WORDLESS = Content("")
"""The stored content of a code's message: nothing."""
ACTIONS = {"register": "register", "reset_password": "set a new password", "confirm": "confirm a change"}
_SIX_DIGITS = re.compile(r"\d{3}[ -]?\d{3}", re.ASCII)
_CODE = re.compile(r"\s{0,9}code[ :#]{0,3}([0-9a-z]{4})[ .!]{0,3}\s{0,9}", re.IGNORECASE | re.ASCII)
_MOST = 40


async def queue_code(tx: Transaction, verification_id: str, phone: str, expires: datetime) -> None:
    """Queue the message about a verification, once.

    A member whose number changed hands receives none: it would let in the number's next holder.
    """
    contact_id = await contacts.contact_for(tx, phone)
    places, _ = await members.places_of_phone(tx, phone)
    if places and await is_held(tx, contact_id, now()):
        log.warning("code withheld: number changed hands", verification=verification_id, contact=contact_id)
        return
    key = f"code:{verification_id}"
    await messages.queue(
        tx,
        Outgoing(Purpose.ONE_TIME_CODE, contact_id, key, WORDLESS, verification_id=verification_id, expires_at=expires),
    )


def content_of(code: OneTimeCode) -> Content:
    """Return what the message about a verification says."""
    if not code.digits:
        return texts.render("already_registered")
    return texts.render("one_time_code", code=code.digits, action=ACTIONS[code.purpose], tag=code.tag)


def tag_in(incoming: Incoming) -> str:
    """Return the tag of a message that says `CODE <tag>` and nothing else; empty for any other message."""
    if incoming.kind != "text" or len(incoming.text) > _MOST:
        return ""
    found = _CODE.fullmatch(incoming.text)
    return found[1].upper() if found else ""


def looks_like_a_code(text: str) -> bool:
    """Return whether a message is six digits and nothing else, as a one-time code is."""
    return bool(_SIX_DIGITS.fullmatch(text.strip()[:_MOST]))


async def bring_code(auth: Auth, phone: str, tag: str) -> Answer:
    """Answer `CODE <tag>` with the code of that request of the phone."""
    if not phone:
        return Answer(texts.render("code_needs_phone"))
    try:
        claimed = await auth.claim(phone, tag)
    except ServiceError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        return Answer(texts.render("code_unknown", tag=tag))
    return Answer(WORDLESS, verification_id=claimed.verification_id, expires_at=claimed.expires_at)
