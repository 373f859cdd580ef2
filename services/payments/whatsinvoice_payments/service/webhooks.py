"""Webhooks of the provider: taken in only when genuine, stored once, and worked off until each has its outcome.

What an event does is said elsewhere, by the start of its name: `effects` (charge_webhooks and others beside it).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, unauthenticated
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.observe import telemetry

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

log = structlog.get_logger(__name__)

WEBHOOKS = Counter("payments_webhooks_total", "Webhooks by what came of them", ["outcome"])
for _outcome in ("refused", "foreign", "malformed", "accepted", "duplicate", "postponed", "unknown_event"):
    WEBHOOKS.labels(_outcome)
LEASE = timedelta(seconds=60)
AT_ONCE = 5


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
        """Keeps a webhook for the worker; the same one again changes nothing."""
        fresh = await webhook_rows.add_event(tx, received)
        WEBHOOKS.labels("accepted" if fresh else "duplicate").inc()

    async def work(self) -> int:
        """Gives waiting webhooks their effect, a few at a time; how many were taken."""
        async with self._unit_of_work.begin() as tx:
            claimed = await webhook_rows.claim_events(tx, now(), LEASE, AT_ONCE)
            effects = [self._effect_of(event) for event in claimed]
            for event, effect in zip(claimed, effects, strict=True):
                if effect is None:  # it costs no transaction of its own, so that a flood of these holds up no other
                    await self._put_aside(tx, event)
        async with asyncio.TaskGroup() as tasks:
            for event, effect in zip(claimed, effects, strict=True):
                if effect is not None:
                    tasks.create_task(self._process(event, effect))
        return len(claimed)

    def _effect_of(self, event: StoredEvent) -> Effect | None:
        return next((effect for name, effect in self._effects if _is_called(event.event, name)), None)

    @staticmethod
    async def _put_aside(tx: Transaction, event: StoredEvent) -> None:
        outcome = _without_effect(event)
        await webhook_rows.finish_event(tx, event.id, outcome.word, outcome.reason)
        WEBHOOKS.labels(outcome.word).inc()

    async def _process(self, event: StoredEvent, effect: Effect) -> None:
        try:
            with telemetry.taken("payments.webhookevent", event.id, event.traceparent):
                await self._finish(event, await effect(event))
        except NotYet as error:
            await self._postpone(event, str(error))
        except ProviderError as error:
            await self._postpone(event, str(error), error.retry_after)
        except Exception as error:  # one event must not hold up the others; it comes again
            log.exception("webhook failed", webhook=event.id)
            await self._postpone(event, type(error).__name__)

    async def _finish(self, event: StoredEvent, outcome: Outcome) -> None:
        if not outcome.kept:
            async with self._unit_of_work.begin() as tx:
                await webhook_rows.finish_event(tx, event.id, outcome.word, outcome.reason)
        WEBHOOKS.labels(outcome.word).inc()

    async def _postpone(self, event: StoredEvent, error: str, at_least: float = 0) -> None:
        wait = max(retry_after(event.attempts, self._first_retry_seconds), timedelta(seconds=at_least))
        async with self._unit_of_work.begin() as tx:
            await webhook_rows.postpone_event(tx, event.id, now() + wait, error)
        WEBHOOKS.labels("postponed").inc()


def _is_called(event: str, name: str) -> bool:
    return event.startswith(name) if name.endswith(".") else event == name


def _without_effect(event: StoredEvent) -> Outcome:
    why = why_kept_only(event.event)
    if why is not None:
        return Outcome("ignored", why)
    log.warning("an event that is in no table", name=event.event, webhook=event.id)
    return UNKNOWN
