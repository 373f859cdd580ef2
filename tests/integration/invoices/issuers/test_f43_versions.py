"""F43: events of a business in every order leave its newest version."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text
from support.builders import a_business_registered
from support.orders import apply_in_order
from whatsinvoice.auth.v1.auth_pb2 import Business
from whatsinvoice.auth.v1.events_pb2 import BusinessChanged, BusinessRegistered
from whatsinvoice_invoices.consumers import on_business_changed, on_business_registered
from whatsinvoice_invoices.models import KIT_TABLES
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

HANDLERS: dict[str, Any] = {
    BusinessRegistered.__name__: on_business_registered,
    BusinessChanged.__name__: on_business_changed,
}


@pytest.fixture
async def unit_of_work(migrated: dict[str, str]) -> AsyncIterator[UnitOfWork]:
    engine = make_engine(migrated["invoices"], pool_size=2, application="versions")
    yield UnitOfWork(engine, KIT_TABLES.outbox)
    await engine.dispose()


def changed(business_id: str, version: int) -> BusinessChanged:
    told = Business(id=business_id, name=f"Name {version}", country="NG", currency_code="NGN", time_zone="Africa/Lagos")
    return BusinessChanged(
        event_id=new_id("evt"),
        business_id=business_id,
        aggregate_id=business_id,
        aggregate_version=version,
        business=told,
    )


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_f43_the_newest_version_of_a_business_stays(unit_of_work: UnitOfWork, order: tuple[int, ...]) -> None:
    """The registration comes twice, as after a redrive."""
    business_id = new_id("biz")
    registered = partial(a_business_registered, business_id)
    events: list[Callable[[], Any]] = [
        registered,
        registered,
        partial(changed, business_id, 2),
        partial(changed, business_id, 3),
    ]
    await apply_in_order(unit_of_work, HANDLERS, [events[place] for place in order])
    async with unit_of_work.begin() as tx:
        query = text("SELECT name, version FROM invoices.businesses WHERE id = :id")
        [row] = await tx.execute(query, {"id": business_id})
    assert tuple(row) == ("Name 3", 3)
