"""What is kept of messages goes when its time is over, and nothing else does (F35)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, update
from support.notifications.stage import Merchant, Stage
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.retention import Retention
from whatsinvoice_notifications.models import CONTACTS, CONVERSATIONS, INBOUND_MESSAGES, MESSAGES
from whatsinvoice_notifications.retention import EMPTY, RULES

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAYS = {rule.name: rule.days for rule in RULES}


async def aged(stage: Stage, table: Table, column: str, days: float, **where: Any) -> None:
    """Make these rows as old as that."""
    conditions = [table.c[name] == value for name, value in where.items()]
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(update(table).where(*conditions).values({column: now() - timedelta(days=days)}))


async def apply(stage: Stage, **days: float) -> None:
    retention = Retention("notifications", stage.process.unit_of_work, RULES, days)
    while await retention.work():
        pass


async def test_f35_a_message_goes_after_its_days_and_not_before(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, merchant.line)
    await stage.heard(merchant.phone)
    for late, there in ((-1, True), (1, False)):
        await aged(stage, INBOUND_MESSAGES, "received_at", DAYS["inbound_messages"] + late, phone=merchant.phone)
        await apply(stage)
        assert bool(await stage.rows(INBOUND_MESSAGES, phone=merchant.phone)) is there


async def test_f35_a_message_that_still_waits_stays(stage: Stage, merchant: Merchant) -> None:
    stage.invoices.away = True
    await stage.write(merchant.phone, merchant.line)
    await stage.until(lambda: stage.rows(INBOUND_MESSAGES, phone=merchant.phone))
    await aged(stage, INBOUND_MESSAGES, "received_at", 0.5, phone=merchant.phone)
    await apply(stage, inbound_messages=0.1)
    assert await stage.rows(INBOUND_MESSAGES, phone=merchant.phone)


async def test_f35_what_a_message_said_goes_and_that_it_was_sent_stays(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, "help")
    await stage.heard(merchant.phone)
    [contact] = await stage.rows(CONTACTS, phone=merchant.phone)
    await stage.until(lambda: stage.rows(MESSAGES, contact_id=contact["id"], status="delivered"))
    await aged(stage, MESSAGES, "queued_at", DAYS["messages.content"] + 1, contact_id=contact["id"])
    await aged(stage, CONVERSATIONS, "updated_at", DAYS["conversations"] + 1, contact_id=contact["id"])
    await apply(stage)
    [kept] = await stage.rows(MESSAGES, contact_id=contact["id"])
    assert kept["content"] == EMPTY
    assert kept["status"] == "delivered"
    assert await stage.rows(CONVERSATIONS, contact_id=contact["id"]) == []


async def test_f35_a_setting_changes_the_days_of_a_rule(stage: Stage, merchant: Merchant) -> None:
    await stage.write(merchant.phone, "help")
    await stage.heard(merchant.phone)
    await aged(stage, INBOUND_MESSAGES, "received_at", 8, phone=merchant.phone)
    await apply(stage, inbound_messages=7)
    assert await stage.rows(INBOUND_MESSAGES, phone=merchant.phone) == []


@pytest.mark.parametrize("days", [{"inbound": 7}, {"inbound_messages": 0}])
async def test_f35_a_wrong_setting_stops_the_start(stage: Stage, days: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(days))):
        Retention("notifications", stage.process.unit_of_work, RULES, days)
