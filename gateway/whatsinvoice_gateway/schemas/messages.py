"""Bodies of messages."""

from datetime import datetime

from whatsinvoice.notifications.v1 import notifications_pb2 as pb

from whatsinvoice_gateway.schemas.base import Outgoing, moment


class MessageErrorOut(Outgoing):
    code: str
    title: str


class MessageOut(Outgoing):
    id: str
    invoice_id: str | None
    purpose: str
    channel: str
    to_masked: str
    status: str
    attempts: int
    error: MessageErrorOut | None
    queued_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None

    @classmethod
    def of(cls, message: pb.Message) -> "MessageOut":
        error = MessageErrorOut(code=message.error_code, title=message.error_title) if message.error_code else None
        return cls(
            id=message.id,
            invoice_id=message.invoice_id or None,
            purpose=message.purpose,
            channel=message.channel,
            to_masked=message.to_masked,
            status=pb.MessageStatus.Name(message.status).removeprefix("MESSAGE_STATUS_").lower(),
            attempts=message.attempts,
            error=error,
            queued_at=moment(message, "queue_time"),
            sent_at=moment(message, "send_time"),
            delivered_at=moment(message, "deliver_time"),
            read_at=moment(message, "read_time"),
        )
