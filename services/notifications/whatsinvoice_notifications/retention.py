"""How long notifications keeps what people wrote and what was written to them."""

from collections.abc import Sequence

from sqlalchemy import and_
from whatsinvoice_kit.data.retention import RetentionRule

from whatsinvoice_notifications.domain.message import Content, Status
from whatsinvoice_notifications.models import (
    CONVERSATIONS,
    INBOUND_MESSAGES,
    INBOUND_STATUSES,
    INBOUND_UNREAD,
    MESSAGES,
)

EMPTY = Content("").to_dict()

RULES: Sequence[RetentionRule] = (
    # WhatsApp repeats a webhook for 7 days and lets a message be edited for minutes
    RetentionRule(
        "inbound_messages",
        INBOUND_MESSAGES,
        INBOUND_MESSAGES.c.received_at,
        30,
        only=INBOUND_MESSAGES.c.done_at.is_not(None),
    ),
    RetentionRule("inbound_statuses", INBOUND_STATUSES, INBOUND_STATUSES.c.received_at, 30),
    RetentionRule("inbound_unread", INBOUND_UNREAD, INBOUND_UNREAD.c.received_at, 30),
    RetentionRule("conversations", CONVERSATIONS, CONVERSATIONS.c.updated_at, 30),
    # that a message was sent, and what it cost, stays; what it said goes
    RetentionRule(
        "messages.content",
        MESSAGES,
        MESSAGES.c.queued_at,
        180,
        only=and_(MESSAGES.c.status != Status.QUEUED.value, MESSAGES.c.content != EMPTY),
        emptied={"content": EMPTY},
    ),
)
