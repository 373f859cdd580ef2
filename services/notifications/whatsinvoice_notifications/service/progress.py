"""A message moves on: the one place where its status changes and others are told."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications import events
from whatsinvoice_notifications.domain.message import Message, Status
from whatsinvoice_notifications.repository import messages

MOVED = Counter("messages_moved_total", "Messages by purpose and where they came to", ["purpose", "status"])


async def move(
    tx: Transaction,
    message: Message,
    status: Status,
    at: datetime,
    *,
    provider_id: str = "",
    error: tuple[str, str] = ("", ""),
    pricing: dict[str, Any] | None = None,
) -> Message:
    """Applies what was told of a locked message; a step back changes only what was not known yet.

    One-time codes and answers to strangers belong to no business, so nobody is told of them.
    """
    moved = message.told(status, at, code=error[0], title=error[1])
    known = replace(moved, provider_id=moved.provider_id or provider_id, pricing=pricing or moved.pricing)
    if known == message:
        return message
    await messages.save(tx, known)
    if moved is not message:
        MOVED.labels(message.purpose.value, status.value).inc()
        if message.business_id:
            tx.publish(events.message_moved(known))
    return known
