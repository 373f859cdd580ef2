"""F43: a handler that raises loses nothing, whatever it handles: its work comes again, and what follows is not held up.

The cases are generated from the tables of subscriptions, so a new handler is covered when it is added.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select
from whatsinvoice_invoices import consumers as of_invoices
from whatsinvoice_invoices import models as invoices_models
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.models import DAILY_COUNTS
from whatsinvoice_invoices.service.invoices import InvoicesService
from whatsinvoice_invoices.service.money import MoneyService
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.events.bus import Delivery
from whatsinvoice_kit.events.inbox import Handler, Inbox, Subscription
from whatsinvoice_kit.events.waiting import WaitingEvents
from whatsinvoice_notifications import consumers as of_notifications
from whatsinvoice_notifications import models as notifications_models
from whatsinvoice_payments import consumers as of_payments
from whatsinvoice_payments import models as payments_models

LINKS = Links("https://pay.example")
MONEY = MoneyService(InvoicesService(LINKS, DailyLimit(DAILY_COUNTS, 1, "sent invoices")), LINKS)
TABLES = {
    "invoices": (of_invoices.subscriptions(MONEY), invoices_models.KIT_TABLES),
    "payments": (of_payments.subscriptions(), payments_models.KIT_TABLES),
    "notifications": (of_notifications.SUBSCRIPTIONS, notifications_models.KIT_TABLES),
}
CASES = [
    pytest.param(service, subscription.stream, message, handler, id=f"{service}-{message.__name__}")
    for service, (subscriptions, _) in TABLES.items()
    for subscription in subscriptions
    for message, handler in subscription.handlers.items()
]


class Failing:
    """A transaction whose statements raise an error that nobody expects."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.asked = False

    async def execute(self, *_: Any) -> Any:
        self.asked = True
        raise RuntimeError("a fault of ours")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


class Handled:
    """One handler of a service, which meets a failing transaction with one event until it is mended."""

    def __init__(self, handler: Handler, poison: str) -> None:
        self._handler = handler
        self._poison = poison
        self.mended = False
        self.swallowed = False
        self.applied: list[str] = []

    async def __call__(self, tx: Transaction, event: Any) -> None:
        if event.event_id == self._poison and not self.mended:
            failing: Any = Failing(tx)
            await self._handler(failing, event)
            self.swallowed = failing.asked
            raise RuntimeError("a handler that reads nothing fails too")
        self.applied.append(event.event_id)


@asynccontextmanager
async def unit_of(service: str, migrated: dict[str, str]) -> AsyncIterator[UnitOfWork]:
    engine = make_engine(migrated[service], pool_size=2, application="handlers")
    yield UnitOfWork(engine, TABLES[service][1].outbox)
    await engine.dispose()


@pytest.mark.parametrize(("service", "stream", "message", "handler"), CASES)
async def test_f43_an_event_whose_handler_raises_comes_again_and_holds_nothing_up(
    migrated: dict[str, str], service: str, stream: str, message: type[Any], handler: Handler
) -> None:
    poison, following = new_id("evt"), new_id("evt")
    handled = Handled(handler, poison)
    tables = TABLES[service][1]
    async with unit_of(service, migrated) as unit_of_work:
        subscription = Subscription(stream, {message: handled})
        waiting = WaitingEvents(unit_of_work, tables.waiting, tables.work, [subscription])
        inbox = Inbox(unit_of_work, tables.inbox, subscription, waiting)
        name = message.__name__
        batch = [
            Delivery(f"{place}-0", event_id, name, "", message(event_id=event_id).SerializeToString())
            for place, event_id in enumerate((poison, following), 1)
        ]

        async def noted() -> set[str]:
            statement = select(tables.inbox.c.event_id).where(tables.inbox.c.event_id.in_([poison, following]))
            async with unit_of_work.begin() as tx:
                return set((await tx.execute(statement)).scalars())

        assert await inbox.apply(batch) == {poison}
        assert not handled.swallowed, "the handler went on after an error that nobody expected"
        assert (handled.applied, await noted()) == ([following], {following})
        handled.mended = True
        assert await inbox.apply(batch) == set()
        assert (handled.applied, await noted()) == ([following, poison], {poison, following})


def test_f43_every_service_that_consumes_has_its_handlers_here() -> None:
    assert len(CASES) >= 20
    assert {case.values[0] for case in CASES} == set(TABLES)
