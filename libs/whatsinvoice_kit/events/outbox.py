"""The outbox: events wait in the transaction that made them true until the relay has published them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
)

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.observe.telemetry import current_traceparent


@dataclass(frozen=True, slots=True)
class Event:
    """One serialised event. `type` is the message's short name: InvoiceIssued."""

    event_id: str
    type: str
    business_id: str
    payload: bytes


class EventMessage(Protocol):
    """What every message of an `events.proto` starts with."""

    event_id: str
    business_id: str

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...  # noqa: N802  (protobuf's own name)


def serialised(message: EventMessage) -> Event:
    """A protobuf event as the outbox keeps it."""
    return Event(message.event_id, type(message).__name__, message.business_id, message.SerializeToString())


def event_of(
    message_type: Callable[..., EventMessage],
    business_id: str,
    aggregate_id: str,
    aggregate_version: int,
    *,
    occurred_at: datetime | None = None,
    **body: Any,
) -> Event:
    """A fresh event with the five fields that all of them have; it occurs now unless told otherwise."""
    occur_time = Timestamp()
    occur_time.FromDatetime(occurred_at or now())
    return serialised(
        message_type(
            event_id=new_id("evt"),
            occur_time=occur_time,
            business_id=business_id,
            aggregate_id=aggregate_id,
            aggregate_version=aggregate_version,
            **body,
        )
    )


def outbox_table(metadata: MetaData) -> Table:
    """The outbox of a service; its migration also makes the trigger (see `migrations.create_event_tables`)."""
    table = Table(
        "outbox",
        metadata,
        Column("sequence", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Text, nullable=False, unique=True),
        Column("event_type", Text, nullable=False),
        Column("business_id", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("traceparent", Text, nullable=False, server_default=""),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        Column("published_at", DateTime(timezone=True)),
    )
    Index("ix_outbox_unpublished", table.c.sequence, postgresql_where=table.c.published_at.is_(None))
    Index("ix_outbox_published_at", table.c.published_at)
    return table


def relay_state_table(metadata: MetaData) -> Table:
    """What the relay knows of the Redis it last published to; one row."""
    return Table(
        "relay_state",
        metadata,
        Column("stream", Text, primary_key=True),
        Column("run_id", Text, nullable=False),
        Column("epoch", Text, nullable=False),
    )


def inbox_table(metadata: MetaData) -> Table:
    """The events whose effects a service has committed."""
    table = Table(
        "inbox",
        metadata,
        Column("event_id", Text, primary_key=True),
        Column("event_type", Text, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    Index("ix_inbox_received_at", table.c.received_at)
    return table


def attributes_of(stream: str, event_type: str, event_id: str) -> dict[str, str | int]:
    """What a span tells of an event on its way."""
    return {
        "messaging.system": "redis",
        "messaging.destination.name": stream,
        "messaging.message.id": event_id,
        "whatsinvoice.event_type": event_type,
    }


def as_row(event: Event) -> dict[str, Any]:
    """The outbox row of an event, with the trace that it belongs to."""
    return {
        "event_id": event.event_id,
        "event_type": event.type,
        "business_id": event.business_id,
        "payload": event.payload,
        "traceparent": current_traceparent(),
    }
