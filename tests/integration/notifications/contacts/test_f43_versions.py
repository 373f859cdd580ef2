"""F43: events of members, chosen places and invoices in every order leave the newest version."""

from collections.abc import AsyncIterator
from copy import copy
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select
from support.notifications.stage import a_phone
from support.orders import apply_in_order, handlers_of
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice.auth.v1.events_pb2 import MemberChanged, PlaceChosen
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.events_pb2 import InvoiceIssued, InvoicePaid, InvoicePaymentRecorded, InvoiceVoided
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_notifications.consumers import SUBSCRIPTIONS
from whatsinvoice_notifications.models import CHOSEN_PLACES, KIT_TABLES, MEMBERS, MESSAGES, SENT_INVOICES
from whatsinvoice_notifications.repository.members import places_of_phone

HANDLERS = handlers_of(SUBSCRIPTIONS)


@pytest.fixture
async def unit_of_work(migrated: dict[str, str]) -> AsyncIterator[UnitOfWork]:
    engine = make_engine(migrated["notifications"], pool_size=2, application="versions")
    yield UnitOfWork(engine, KIT_TABLES.outbox)
    await engine.dispose()


async def apply(unit_of_work: UnitOfWork, events: list[Any], order: tuple[int, ...]) -> None:
    await apply_in_order(unit_of_work, HANDLERS, [partial(copy, events[place]) for place in order])


ORDERS = list(permutations(range(3)))


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_f43_a_removed_member_stays_removed(unit_of_work: UnitOfWork, order: tuple[int, ...]) -> None:
    business_id, member_id, phone = new_id("biz"), new_id("mbr"), a_phone()
    business = auth_pb2.Business(
        id=business_id, name="Ada Designs", country="NG", currency_code="NGN", time_zone="Africa/Lagos"
    )
    user = auth_pb2.User(id=new_id("usr"), phone=phone, name="Bola Ade")
    states = ((1, auth_pb2.ROLE_STAFF, True), (2, auth_pb2.ROLE_ADMIN, True), (3, auth_pb2.ROLE_ADMIN, False))
    events = [
        MemberChanged(
            event_id=new_id("evt"),
            business_id=business_id,
            aggregate_id=member_id,
            aggregate_version=version,
            user=user,
            role=role,
            active=active,
            business=business,
        )
        for version, role, active in states
    ]
    await apply(unit_of_work, events, order)
    async with unit_of_work.begin() as tx:
        [row] = await tx.execute(select(MEMBERS).where(MEMBERS.c.id == member_id))
        assert (row.version, row.role, row.active) == (3, "admin", False)
        assert await places_of_phone(tx, phone) == ([], "")


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_f43_the_latest_choice_of_a_place_stays(unit_of_work: UnitOfWork, order: tuple[int, ...]) -> None:
    user_id, places = new_id("usr"), [new_id("biz") for _ in range(3)]
    events = [
        PlaceChosen(event_id=new_id("evt"), business_id=place, aggregate_id=user_id, aggregate_version=version)
        for version, place in enumerate(places, 1)
    ]
    await apply(unit_of_work, events, order)
    async with unit_of_work.begin() as tx:
        [row] = await tx.execute(select(CHOSEN_PLACES).where(CHOSEN_PLACES.c.user_id == user_id))
    assert (row.business_id, row.version) == (places[-1], 3)


@pytest.mark.parametrize("last", ["paid", "voided"])
@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_f43_a_settled_invoice_is_not_payable_again(
    unit_of_work: UnitOfWork, order: tuple[int, ...], last: str
) -> None:
    business_id, invoice_id, phone = new_id("biz"), new_id("inv"), a_phone()

    def told(version: int, status: Any, due: int) -> dict[str, Any]:
        invoice = pb.Invoice(
            id=invoice_id,
            number="INV-000001",
            status=status,
            currency_code="NGN",
            total_minor=8_000,
            amount_due_minor=due,
            customer=pb.Customer(name="Jane", phone=phone),
            public_url="https://pay.example/i/token",
            due_date="2026-12-24",
            version=version,
        )
        return {
            "event_id": new_id("evt"),
            "business_id": business_id,
            "aggregate_id": invoice_id,
            "aggregate_version": version,
            "invoice": invoice,
            "business_name": "Ada Designs",
        }

    def receipt(amount: int, due: int) -> pb.Receipt:
        money = common_pb2.Money(currency_code="NGN", amount_minor=amount)
        return pb.Receipt(
            id=new_id("rcp"),
            number="RCP-1",
            invoice_id=invoice_id,
            amount=money,
            amount_due_minor=due,
            public_url="https://pay.example/r/token",
        )

    part = InvoicePaymentRecorded(receipt=receipt(3_000, 5_000), **told(3, pb.INVOICE_STATUS_PARTIALLY_PAID, 5_000))
    paid = InvoicePaid(receipt=receipt(5_000, 0), **told(4, pb.INVOICE_STATUS_PAID, 0))
    voided = InvoiceVoided(**told(4, pb.INVOICE_STATUS_VOID, 0))
    issued = InvoiceIssued(**told(2, pb.INVOICE_STATUS_OPEN, 8_000))
    await apply(unit_of_work, [issued, part, paid if last == "paid" else voided], order)
    async with unit_of_work.begin() as tx:
        [row] = await tx.execute(select(SENT_INVOICES).where(SENT_INVOICES.c.invoice_id == invoice_id))
        sent = (await tx.execute(select(MESSAGES.c.purpose).where(MESSAGES.c.invoice_id == invoice_id))).scalars().all()
    assert (row.version, row.settled, row.due_minor) == (4, True, 0)
    assert ("invoice" in sent) == (order.index(0) < order.index(2)), "a settled invoice is sent to nobody"
