"""Outbound messages: the queue and the record in one table."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.observe.telemetry import current_traceparent

from whatsinvoice_notifications.domain.message import Content, Message, Outgoing, Purpose, Status
from whatsinvoice_notifications.models import CONTACTS, MESSAGES

_COLUMNS = (*MESSAGES.c, CONTACTS.c.phone, CONTACTS.c.user_id, CONTACTS.c.last_inbound_at)


def _message(row: Row[tuple[object, ...]]) -> Message:
    return Message(
        id=row.id,
        business_id=row.business_id,
        invoice_id=row.invoice_id,
        purpose=Purpose(row.purpose),
        contact_id=row.contact_id,
        phone=row.phone or "",
        user_id=row.user_id or "",
        window_from=row.last_inbound_at,
        dedupe_key=row.dedupe_key,
        content=Content.from_dict(row.content),
        verification_id=row.verification_id,
        template_only=row.template_only,
        status=Status(row.status),
        attempts=row.attempts,
        provider_id=row.provider_id or "",
        error_code=row.error_code,
        error_title=row.error_title,
        pricing=row.pricing,
        queued_at=row.queued_at,
        expires_at=row.expires_at,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        read_at=row.read_at,
        version=row.version,
        traceparent=row.traceparent,
    )


def _with_contact() -> Select[tuple[object, ...]]:
    return select(*_COLUMNS).join(CONTACTS, CONTACTS.c.id == MESSAGES.c.contact_id)


async def queue(tx: Transaction, given: Outgoing) -> bool:
    """Whether it was queued: False for a repeat, which changes nothing."""
    values = {
        "id": new_id("msg"),
        "business_id": given.business_id,
        "invoice_id": given.invoice_id,
        "purpose": given.purpose.value,
        "contact_id": given.contact_id,
        "dedupe_key": given.dedupe_key,
        "content": given.content.to_dict(),
        "verification_id": given.verification_id,
        "template_only": given.template_only,
        "status": Status.QUEUED.value,
        "expires_at": given.expires_at,
        "traceparent": current_traceparent(),
    }
    statement = insert(MESSAGES).values(values).on_conflict_do_nothing(index_elements=["dedupe_key"])
    return (await tx.execute(statement.returning(MESSAGES.c.id))).one_or_none() is not None


async def claim(tx: Transaction, moment: datetime, lease: timedelta, limit: int) -> Sequence[Message]:
    """Messages to be sent, oldest first; another worker gets them after the lease."""
    due = (
        select(MESSAGES.c.id)
        .where(MESSAGES.c.status == Status.QUEUED.value, MESSAGES.c.next_attempt_at <= moment)
        .order_by(MESSAGES.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(MESSAGES)
        .where(MESSAGES.c.id.in_(due), CONTACTS.c.id == MESSAGES.c.contact_id)
        .values(next_attempt_at=moment + lease, attempts=MESSAGES.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    found = [_message(row) for row in await tx.execute(statement)]
    return sorted(found, key=lambda message: (message.queued_at, message.id))


async def locked(tx: Transaction, message_id: str) -> Message:
    """The message as it now is, locked until the transaction ends."""
    statement = _with_contact().where(MESSAGES.c.id == message_id).with_for_update(of=MESSAGES)
    return _message((await tx.execute(statement)).one())


async def locked_by_provider(tx: Transaction, provider_id: str, correlation: str) -> Message | None:
    """The message that a status is about: by our own id where it was echoed, else by the provider's."""
    by = MESSAGES.c.id == correlation if correlation else MESSAGES.c.provider_id == provider_id
    row = (await tx.execute(_with_contact().where(by).with_for_update(of=MESSAGES))).one_or_none()
    return _message(row) if row else None


async def save(tx: Transaction, message: Message) -> None:
    """Writes what sending and statuses change."""
    await tx.execute(
        update(MESSAGES)
        .where(MESSAGES.c.id == message.id)
        .values(
            status=message.status.value,
            provider_id=message.provider_id or None,
            error_code=message.error_code,
            error_title=message.error_title,
            pricing=message.pricing,
            sent_at=message.sent_at,
            delivered_at=message.delivered_at,
            read_at=message.read_at,
            version=message.version,
        )
    )


async def postpone(tx: Transaction, message: Message, until: datetime, *, counted: bool = True) -> None:
    """Waits until a moment; uncounted where nothing was tried."""
    attempts = message.attempts if counted else message.attempts - 1
    await tx.execute(
        update(MESSAGES)
        .where(MESSAGES.c.id == message.id, MESSAGES.c.status == Status.QUEUED.value)
        .values(
            next_attempt_at=until,
            attempts=attempts,
            template_only=message.template_only,
            error_code=message.error_code,
            error_title=message.error_title,
        )
    )


async def get(tx: Transaction, business_id: str, message_id: str) -> Message | None:
    statement = _with_contact().where(MESSAGES.c.business_id == business_id, MESSAGES.c.id == message_id)
    row = (await tx.execute(statement)).one_or_none()
    return _message(row) if row else None


async def listed(tx: Transaction, business_id: str, invoice_id: str, before: str, limit: int) -> list[Message]:
    """Newest first, those below the cursor; of one invoice or, with an empty id, of all."""
    statement = _with_contact().where(MESSAGES.c.business_id == business_id).order_by(MESSAGES.c.id.desc()).limit(limit)
    if invoice_id:
        statement = statement.where(MESSAGES.c.invoice_id == invoice_id)
    if before:
        statement = statement.where(MESSAGES.c.id < before)
    return [_message(row) for row in await tx.execute(statement)]
