"""Queued messages go out: leased, sent, recorded; what WhatsApp answers decides what follows.

Between WhatsApp's answer and our commit lies one short transaction. Where it fails, the answer is remembered and
recorded later. A crash just there sends the message a second time after the lease, because Meta has no idempotency key;
a status webhook that comes first closes the gap, since it carries our own id.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.observe.telemetry import taken

from whatsinvoice_notifications.clients import Auth, Invoices, Refused, Unreachable, WhatsApp
from whatsinvoice_notifications.clients.whatsapp_bodies import body_of
from whatsinvoice_notifications.domain import provider_errors
from whatsinvoice_notifications.domain.message import Message, Status
from whatsinvoice_notifications.domain.provider_errors import Action, action_for
from whatsinvoice_notifications.domain.rates import Pace
from whatsinvoice_notifications.repository import messages
from whatsinvoice_notifications.service.codes import content_of
from whatsinvoice_notifications.service.merchant import PASSING
from whatsinvoice_notifications.service.progress import move

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=180)
LANE_SECONDS = 100.0
"""A lane starts nothing after so long: its last message must be over within the lease."""
AT_ONCE = 40


class SendingService:
    """The worker behind `messages`."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        whatsapp: WhatsApp,
        invoices: Invoices,
        auth: Auth,
        first_retry_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._whatsapp = whatsapp
        self._invoices = invoices
        self._auth = auth
        self._first_retry_seconds = first_retry_seconds
        self._clock = clock
        self._pace = Pace(clock)
        self._paused_until = 0.0
        self._unrecorded: dict[str, str] = {}

    async def work(self) -> int:
        """Sends what is due, each contact's messages one after the other; how many were taken."""
        await self._record_all()
        if self._clock() < self._paused_until:
            return 0
        async with self._unit_of_work.begin() as tx:
            claimed = await messages.claim(tx, now(), LEASE, AT_ONCE)
        lanes: dict[str, list[Message]] = defaultdict(list)
        for message in claimed:
            lanes[message.contact_id].append(message)
        await asyncio.gather(*(self._send_lane(lane) for lane in lanes.values()))
        return len(claimed)

    async def _send_lane(self, lane: list[Message]) -> None:
        until = self._clock() + LANE_SECONDS
        for message in lane:
            if self._clock() > until:
                return
            try:
                with taken("notifications.messages", message.id, message.traceparent):
                    await self._send(message)
            except Refused as error:
                await self._on_refusal(message, error)
            except Unreachable as error:
                await self._retry(message, "unreachable", str(error))
            except ServiceError as error:
                await self._on_no_content(message, error)
            except Exception as error:  # one message must not hold up the others; it comes again
                log.exception("message not sent, or not recorded", message=message.id)
                if message.id not in self._unrecorded:
                    await self._retry(message, "internal", type(error).__name__)

    async def _send(self, message: Message) -> None:
        if message.id in self._unrecorded:  # its lease ended before it could be recorded
            await self._record(message.id)
            return
        moment = now()
        if message.over(moment):
            await self._fail(message, "expired", "it could not be sent in time")
            return
        wait = self._pace.pair_wait(message.contact_id)
        if wait > 0:
            async with self._unit_of_work.begin() as tx:
                await messages.postpone(tx, message, moment + timedelta(seconds=wait), counted=False)
            return
        content = message.content
        if message.verification_id:
            content = content_of(await self._auth.code(message.verification_id))
        file = None
        if content.attachment:
            document = await self._invoices.document(message.business_id, content.attachment)
            file = (await self._whatsapp.upload(document), document.file_name)
        as_template = message.template_only or not message.window_open(moment)
        body = body_of(
            content,
            phone=message.phone,
            user_id=message.user_id,
            correlation=message.id,
            file=file,
            template=as_template,
        )
        await asyncio.sleep(self._pace.number_wait())
        self._unrecorded[message.id] = await self._whatsapp.send(body)
        await self._record(message.id)

    async def _record(self, message_id: str) -> None:
        async with self._unit_of_work.begin() as tx:
            sent = await messages.locked(tx, message_id)
            await move(tx, sent, Status.SENT, now(), provider_id=self._unrecorded[message_id])
        del self._unrecorded[message_id]

    async def _record_all(self) -> None:
        """What WhatsApp took and could not be recorded then: before its lease ends, and it is claimed once more."""
        for message_id in list(self._unrecorded):
            try:
                await self._record(message_id)
            except Exception:
                log.exception("a message that was sent is not recorded yet", message=message_id)

    async def _on_refusal(self, message: Message, error: Refused) -> None:
        action = action_for(error.code)
        log.warning("message refused", message=message.id, error_code=error.code, action=action.value)
        told = (str(error.code), error.title)
        if action is Action.PAUSE_ALL:
            self._paused_until = self._clock() + provider_errors.PAUSE_SECONDS
        if action is Action.USE_TEMPLATE and not message.template_only and message.has_template:
            await self._wait(replace(message, template_only=True), 0, *told)
        elif action is Action.PAIR_DELAY:
            await self._wait(message, provider_errors.pair_delay(message.attempts), *told)
        elif action is Action.PAGE:
            log.error("a person must look at the WhatsApp account", error_code=error.code, title=error.title)
            await self._wait(message, provider_errors.PAGED_SECONDS, *told)
        elif action is Action.PAUSE_ALL:
            await self._wait(message, provider_errors.PAUSE_SECONDS, *told)
        elif action is Action.RETRY or (action is Action.REUPLOAD and message.attempts < provider_errors.REUPLOADS):
            await self._retry(message, *told)
        else:
            await self._fail(message, *told)

    async def _on_no_content(self, message: Message, error: ServiceError) -> None:
        if error.kind in PASSING:
            await self._retry(message, error.reason, error.message)
        else:
            await self._fail(message, error.reason, error.message)

    async def _retry(self, message: Message, code: str, title: str) -> None:
        await self._wait(message, provider_errors.backoff(message.attempts, self._first_retry_seconds), code, title)

    async def _wait(self, message: Message, seconds: float, code: str, title: str) -> None:
        known = replace(message, error_code=code, error_title=title)
        async with self._unit_of_work.begin() as tx:
            await messages.postpone(tx, known, now() + timedelta(seconds=seconds))

    async def _fail(self, message: Message, code: str, title: str) -> None:
        async with self._unit_of_work.begin() as tx:
            await move(tx, await messages.locked(tx, message.id), Status.FAILED, now(), error=(code, title))
