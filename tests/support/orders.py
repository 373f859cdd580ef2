"""Events in every order: what a service keeps follows their versions, whatever the order in which they arrive."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.events.inbox import Handler, Subscription
from whatsinvoice_kit.events.waiting import NotReady

TRIES = 20


def handlers_of(subscriptions: Sequence[Subscription]) -> dict[str, Handler]:
    """Return the handler of each event type that a service consumes, by the name of the type."""
    return {message.__name__: handler for one in subscriptions for message, handler in one.handlers.items()}


async def apply_in_order(
    unit_of_work: UnitOfWork, handlers: dict[str, Handler], events: Sequence[Callable[[], Any]]
) -> None:
    """Apply fresh events one after the other, each in a transaction. What raises comes again after the others."""
    waiting = deque(make() for make in events)
    for _ in range(TRIES):
        if not waiting:
            return
        event = waiting.popleft()
        try:
            async with unit_of_work.begin() as tx:
                await handlers[type(event).__name__](tx, event)
        except (NotReady, ServiceError):
            waiting.append(event)
    raise AssertionError(f"never applied: {[type(event).__name__ for event in waiting]}")
