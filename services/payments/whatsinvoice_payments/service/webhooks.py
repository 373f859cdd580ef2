"""Webhooks of the provider: accepted only when genuine, stored once, worked by the queue until each has its outcome.

What an event does is said elsewhere, by the start of its name: `effects` (charge_webhooks and others beside it).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from whatsinvoice_kit.core.errors import Kind, ServiceError, unauthenticated
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.queue.worker import Queue, RetryLater, Taken

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.domain.kept_webhook import why_kept_only
from whatsinvoice_payments.domain.schedule import retry_after
from whatsinvoice_payments.domain.webhook import (
    Network,
    Received,
    StoredEvent,
    comes_from,
    is_genuine,
    read_webhook,
)
from whatsinvoice_payments.repository import webhooks as webhook_rows
from whatsinvoice_payments.repository.webhooks import WEBHOOK

log = structlog.get_logger(__name__)

WEBHOOKS = Counter("payments_webhooks_total", "Webhooks by what came of them", ["outcome"])
for _outcome in ("refused", "foreign", "malformed", "accepted", "duplicate", "postponed", "failed", "unknown_event"):
    WEBHOOKS.labels(_outcome)
TRIES = 12
"""Unexpected failures of one webhook, over an hour, before it is given up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a webhook: a word that is kept and counted, and why where there is a reason.

    `kept`: the effect has written it beside its webhook already, in its own transaction.
    """

    word: str
    reason: str = ""
    kept: bool = False


UNKNOWN = Outcome("unknown_event")


class NotYet(Exception):  # noqa: N818  (the time has not come; nothing is wrong)
    """The webhook is to be tried again later; the text says what was missing."""


Effect = Callable[[StoredEvent], Awaitable[Outcome]]
"""Does what an event asks for, as often as it is asked, once. Raises NotYet, ProviderError."""


class WebhookService:
    """From the raw body to its effect.

    `effects`: name of an event, or its start that ends with a dot -> what it does; the longest one counts.

    `sources`: from where the provider calls; from anywhere when there are none.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        secret: str,
        first_retry_seconds: float,
        effects: Mapping[str, Effect],
        sources: Sequence[Network] = (),
    ) -> None:
        self._unit_of_work = unit_of_work
        self._secret = secret
        self._first_retry_seconds = first_retry_seconds
        self._sources = sources
        self._effects = sorted(effects.items(), key=lambda effect: -len(effect[0]))

    def read(self, body: bytes, signature: str, source_address: str = "") -> Received:
        """Raises UNAUTHENTICATED (SIGNATURE_INVALID), PERMISSION_DENIED (SOURCE_FOREIGN), INVALID_ARGUMENT
        (BODY_MALFORMED).
        """
        if not is_genuine(self._secret, body, signature):
            WEBHOOKS.labels("refused").inc()
            raise unauthenticated("SIGNATURE_INVALID", "the signature does not match the body")
        if not comes_from(self._sources, source_address):
            WEBHOOKS.labels("foreign").inc()
            log.error("a genuine webhook came from elsewhere: who else has the key?", source=source_address)
            raise ServiceError(Kind.PERMISSION_DENIED, "SOURCE_FOREIGN", "the provider does not call from there")
        try:
            return read_webhook(body)
        except ServiceError:
            WEBHOOKS.labels("malformed").inc()
            raise

    async def store(self, tx: Transaction, received: Received) -> None:
        """Store a webhook and put it to work. The same one again changes nothing; one without effect is done here."""
        event_id = await webhook_rows.add_event(tx, received)
        WEBHOOKS.labels("duplicate" if event_id is None else "accepted").inc()
        if event_id is None:
            return
        if self._effect_of(received.event) is not None:
            await webhook_rows.put_to_work(tx, event_id)
            return
        outcome = _without_effect(received.event, event_id)
        await webhook_rows.finish_event(tx, event_id, outcome.word, outcome.reason)
        WEBHOOKS.labels(outcome.word).inc()

    def queue(self, concurrency: int) -> Queue:
        """Return the queue that gives stored webhooks their effect."""
        first = self._first_retry_seconds
        return Queue(WEBHOOK, self._handle, self._give_up, concurrency, first_retry_seconds=first, tries=TRIES)

    def _effect_of(self, event: str) -> Effect | None:
        return next((effect for name, effect in self._effects if _is_called(event, name)), None)

    async def _handle(self, taken: Taken) -> None:
        async with self._unit_of_work.read() as tx:
            event = await webhook_rows.event_of(tx, taken.key, taken.attempts)
        effect = self._effect_of(event.event) if event is not None else None
        if event is None or effect is None:
            return
        try:
            outcome = await effect(event)
        except NotYet as error:
            await self._postpone(event, str(error))
        except ProviderError as error:
            await self._postpone(event, str(error), error.retry_after)
        else:
            await self._finish(taken, event, outcome)

    async def _finish(self, taken: Taken, event: StoredEvent, outcome: Outcome) -> None:
        async with self._unit_of_work.begin() as tx:
            if not outcome.kept:
                await webhook_rows.finish_event(tx, event.id, outcome.word, outcome.reason)
            await taken.finish(tx)
        WEBHOOKS.labels(outcome.word).inc()

    async def _postpone(self, event: StoredEvent, error: str, at_least: float = 0) -> None:
        """Keep what was missing, and try again later.

        Raises:
            RetryLater: always.
        """
        async with self._unit_of_work.begin() as tx:
            await webhook_rows.note_error(tx, event.id, error)
        WEBHOOKS.labels("postponed").inc()
        wait = retry_after(event.attempts, self._first_retry_seconds).total_seconds()
        raise RetryLater(max(wait, at_least), error)

    async def _give_up(self, tx: Transaction, taken: Taken, error: str) -> None:
        """Record that the effect failed every time. `webhooks replay` puts the webhook back to work."""
        await webhook_rows.finish_event(tx, taken.key, "failed", error)
        WEBHOOKS.labels("failed").inc()


def _is_called(event: str, name: str) -> bool:
    return event.startswith(name) if name.endswith(".") else event == name


def _without_effect(event: str, event_id: str) -> Outcome:
    why = why_kept_only(event)
    if why is not None:
        return Outcome("ignored", why)
    log.warning("webhook ignored: unknown event", name=event, webhook=event_id)
    return UNKNOWN
