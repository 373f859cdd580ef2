"""WhatsApp's webhooks: accepted only when genuine, stored once; what they say takes effect in the worker."""

import hmac

import structlog
from prometheus_client import Counter
from whatsinvoice_kit.core.errors import Kind, ServiceError, unauthenticated
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.queue.worker import Queue, Taken

from whatsinvoice_notifications.clients.whatsapp_webhooks import read_status, read_webhook
from whatsinvoice_notifications.domain.inbound import Batch, StatusTold, is_genuine
from whatsinvoice_notifications.domain.message import Message, Outgoing, Status
from whatsinvoice_notifications.domain.provider_errors import Action, action_for
from whatsinvoice_notifications.repository import inbound, messages
from whatsinvoice_notifications.service.progress import move

log = structlog.get_logger(__name__)

PARTS = Counter("whatsapp_webhook_parts_total", "What webhooks held", ["part"])
for _part in (
    "refused",
    "message",
    "repeated_message",
    "status",
    "unread",
    "other_number",
    "group",
    "other_field",
    "status_given_up",
):
    PARTS.labels(_part)
TRIES = 10
_STATUSES = {status.value: status for status in (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED)}


class WebhookService:
    """From the raw body to rows."""

    def __init__(self, unit_of_work: UnitOfWork, app_secret: str, verify_token: str, number_id: str) -> None:
        self._unit_of_work = unit_of_work
        self._app_secret = app_secret
        self._verify_token = verify_token
        self._number_id = number_id

    def check_subscription(self, mode: str, token: str) -> None:
        """Raises PERMISSION_DENIED (VERIFY_TOKEN_INVALID) unless it is Meta, subscribing with our token."""
        right = hmac.compare_digest(token.encode(), self._verify_token.encode())
        if mode != "subscribe" or not right or not self._verify_token:
            raise ServiceError(Kind.PERMISSION_DENIED, "VERIFY_TOKEN_INVALID", "the verify token is not ours")

    def read(self, body: bytes, signature: str) -> Batch:
        """Raises UNAUTHENTICATED (SIGNATURE_INVALID), INVALID_ARGUMENT (BODY_MALFORMED)."""
        if not is_genuine(self._app_secret, body, signature):
            PARTS.labels("refused").inc()
            raise unauthenticated("SIGNATURE_INVALID", "the signature does not match the body")
        return read_webhook(body, self._number_id)

    async def store(self, tx: Transaction, batch: Batch) -> None:
        """Keeps what is new; the same webhook again changes nothing."""
        fresh = await inbound.add_messages(tx, batch.messages)
        await inbound.add_unread(tx, batch.unread)
        await inbound.add_statuses(tx, batch.statuses)
        PARTS.labels("message").inc(fresh)
        PARTS.labels("repeated_message").inc(len(batch.messages) - fresh)
        PARTS.labels("status").inc(len(batch.statuses))
        for reason, count in batch.ignored.items():
            PARTS.labels(reason).inc(count)
        if batch.unread:
            PARTS.labels("unread").inc(len(batch.unread))
            log.warning("parts of a webhook cannot be read", count=len(batch.unread))

    def queue(self) -> Queue:
        """Return the queue that applies stored statuses. One whose effect raises holds up no other message."""
        return Queue(inbound.STATUS, self._apply, self._give_up, first_retry_seconds=1.0, tries=TRIES)

    async def _apply(self, taken: Taken) -> None:
        async with self._unit_of_work.begin() as tx:
            raw = await inbound.status_of(tx, taken.key)
            told = read_status(raw) if raw is not None else None
            if told is not None:
                await self._move(tx, told)
            await taken.finish(tx)

    async def _give_up(self, _: Transaction, taken: Taken, error: str) -> None:
        """Keep the status as it came: its row and the log name it."""
        PARTS.labels("status_given_up").inc()
        log.error("message status given up", key=taken.key, error=error)

    async def _move(self, tx: Transaction, told: StatusTold) -> None:
        status = _STATUSES.get(told.status)
        message = await messages.locked_by_provider(tx, told.provider_id, told.correlation)
        if status is None or message is None:
            log.info("status of nothing we know", status=told.status)
            return
        code = "" if told.error_code is None else str(told.error_code)
        moved = await move(
            tx,
            message,
            status,
            told.at,
            provider_id=told.provider_id,
            error=(code, told.error_title) if status is Status.FAILED else ("", ""),
            pricing=told.pricing,
        )
        if moved.status is Status.FAILED and message.status is not Status.FAILED and told.error_code is not None:
            await self._send_as_template(tx, message, told.error_code)

    @staticmethod
    async def _send_as_template(tx: Transaction, message: Message, code: int) -> None:
        """The window had closed after WhatsApp took the message: one successor as a template, and no more."""
        content = message.content
        if action_for(code) is not Action.USE_TEMPLATE or message.template_only or content.template is None:
            return
        successor = Outgoing(
            message.purpose,
            message.contact_id,
            f"{message.dedupe_key}:template",
            content,
            message.business_id,
            message.invoice_id,
            template_only=True,
        )
        await messages.queue(tx, successor)
