"""What notifications tells others: where a message has come to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.notifications.v1 import events_pb2
from whatsinvoice.notifications.v1 import notifications_pb2 as pb
from whatsinvoice_kit.events.outbox import Event, event_of
from whatsinvoice_kit.observe.logging import mask_phone

from whatsinvoice_notifications.domain.message import Message, Status

CHANNEL = "whatsapp"
STATUSES = {status: pb.MessageStatus.Value(f"MESSAGE_STATUS_{status.name}") for status in Status}
_EVENTS: Mapping[Status, Any] = {
    Status.SENT: events_pb2.MessageSent,
    Status.DELIVERED: events_pb2.MessageDelivered,
    Status.READ: events_pb2.MessageRead,
    Status.FAILED: events_pb2.MessageFailed,
}


def _moment(value: datetime | None) -> Timestamp | None:
    """None stays unset."""
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def message_proto(message: Message) -> pb.Message:
    return pb.Message(
        id=message.id,
        invoice_id=message.invoice_id,
        purpose=message.purpose.value,
        channel=CHANNEL,
        to_masked=mask_phone(message.phone or message.user_id),
        status=STATUSES[message.status],
        attempts=message.attempts,
        error_code=message.error_code,
        error_title=message.error_title,
        queue_time=_moment(message.queued_at),
        send_time=_moment(message.sent_at),
        deliver_time=_moment(message.delivered_at),
        read_time=_moment(message.read_at),
    )


def message_moved(message: Message) -> Event:
    """MessageSent, MessageDelivered, MessageRead or MessageFailed, after the message's status."""
    return event_of(
        _EVENTS[message.status], message.business_id, message.id, message.version, message=message_proto(message)
    )
