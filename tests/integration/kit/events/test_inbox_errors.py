"""What an inbox raises when the database refuses its own statements, and not one event's handler."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from support.sample import TABLES, Pipeline, an_event, waiting
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.events.bus import Delivery
from whatsinvoice_kit.events.inbox import Inbox, Subscription


async def deliver(pipeline: Pipeline) -> set[str]:
    """Apply one new event directly."""
    event = an_event()
    subscription = Subscription(pipeline.stream, {PaymentFailed: pipeline.note})
    late = waiting(pipeline.unit_of_work, TABLES, subscription)
    inbox = Inbox(pipeline.unit_of_work, TABLES.inbox, subscription, late)
    return await inbox.apply([Delivery("1-0", event.event_id, "PaymentFailed", "", event.SerializeToString())])


async def execute(pipeline: Pipeline, statement: str) -> None:
    async with pipeline.unit_of_work.begin() as tx:
        await tx.execute(text(statement))


async def test_a_database_that_is_read_only_counts_as_away(pipeline: Pipeline) -> None:
    """A server that became a replica answers with an error that SQLAlchemy counts among no errors of a connection."""
    await execute(
        pipeline,
        "CREATE FUNCTION sample.replica() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'cannot execute INSERT' USING ERRCODE = '25006'; END $$",
    )
    await execute(pipeline, "CREATE TRIGGER replica BEFORE INSERT ON sample.inbox EXECUTE FUNCTION sample.replica()")
    with pytest.raises(ConnectionError):
        await deliver(pipeline)
    await execute(pipeline, "DROP TRIGGER replica ON sample.inbox")
    assert await deliver(pipeline) == set()


async def test_a_table_that_is_missing_is_no_outage(pipeline: Pipeline) -> None:
    await execute(pipeline, "ALTER TABLE sample.inbox RENAME TO elsewhere")
    with pytest.raises(ProgrammingError):
        await deliver(pipeline)
