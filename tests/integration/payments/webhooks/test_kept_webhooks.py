"""Webhooks that are kept: looked at, replayed by command, their bodies forgotten, and none that falls through."""

import argparse
import json
from datetime import timedelta
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError
from sqlalchemy import func, select, update
from support.keys import Keyring
from support.payments.parts import SECRET_KEY
from support.payments.stage import Stage, staged
from support.sandbox import Entrance
from support.services import reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.runtime import Command
from whatsinvoice_payments.__main__ import SPEC
from whatsinvoice_payments.domain.webhook import read_webhook, signature_of
from whatsinvoice_payments.models import WEBHOOK_EVENTS
from whatsinvoice_payments.repository import webhooks as webhook_rows
from whatsinvoice_payments.service.kept_webhooks import KeptWebhooks
from whatsinvoice_payments.settings import Settings

DAYS = 90
KEPT = (
    "customeridentification.failed",
    "customeridentification.success",
    "dedicatedaccount.assign.failed",
    "dedicatedaccount.assign.success",
    "direct_debit.authorization.created",
    "invoice.create",
    "invoice.payment_failed",
    "invoice.update",
    "paymentrequest.pending",
    "paymentrequest.success",
    "preauthorization.success",
    "subscription.create",
    "subscription.disable",
    "subscription.not_renew",
    "transfer.failed",
    "transfer.reversed",
    "transfer.success",
)


async def run(stage: Stage, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The command on the stage's own database: its exit status and what it prints."""
    command: Command[Any] = SPEC.commands["webhooks"]
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    status = await command.run(stage.process._settings, parser.parse_args(words))  # noqa: SLF001  (the same settings)
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def an_event(name: str, **data: object) -> bytes:
    return json.dumps({"event": name, "data": data}).encode()


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("payments_webhooks_total", {"outcome": outcome}) or 0


async def test_every_event_of_the_documentation_is_known(stage: Stage) -> None:
    ignored = counted("ignored")
    for event in KEPT:
        reference = new_id("who")
        names = ("customer_code", "reference", "invoice_code", "request_code", "subscription_code", "transfer_code")
        await stage.deliver(an_event(event, **dict.fromkeys(names, reference)))
        await stage.outcome(reference, "ignored")
        assert (await stage.webhooks(reference))[0]["error"] != "", "why it is only kept is beside it"
    assert counted("ignored") == ignored + len(KEPT)


async def test_one_that_nobody_has_thought_about_is_kept_and_counted_apart(stage: Stage) -> None:
    before = counted("unknown_event")
    for event in ("charge.quantum", "nothing.known"):
        reference = new_id("who")
        await stage.deliver(an_event(event, reference=reference, id=reference))
        await stage.outcome(reference, "unknown_event")
    assert counted("unknown_event") == before + 2


async def test_a_replay_changes_nothing_that_is_right(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.outcome(checkout.reference, "settled")
    books = await stage.ledger(token), await stage.payments(token), await stage.told(token)
    assert await run(stage, capsys, "replay", "--reference", checkout.reference) == (0, "1 replayed\n")
    await stage.outcome(checkout.reference, "unchanged")
    assert (await stage.ledger(token), await stage.payments(token), await stage.told(token)) == books


async def test_a_replay_gives_an_effect_that_was_missed(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """As when the code of that day knew nothing of it."""
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.fault("webhook", "drop")
    await stage.pay(checkout)
    body = await stage.charge_success(checkout.reference)
    missed = update(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.natural_id == checkout.reference)
    async with stage.process.unit_of_work.begin() as tx:  # in one, so that the worker never sees it waiting
        await webhook_rows.add_event(tx, read_webhook(body))
        await tx.execute(missed.values(processed_at=func.now(), outcome="unknown_event"))
    wanted = ("--event", "charge.success", "--outcome", "unknown_event", "--since", "2026-01-01")
    status, printed = await run(stage, capsys, "list", *wanted)
    assert (status, printed.count(checkout.reference)) == (0, 1)
    assert (await run(stage, capsys, "replay", *wanted))[0] == 0
    await stage.becomes(token, "succeeded")
    assert len(await stage.told(token)) == 1


async def test_a_replay_of_everything_is_refused(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(stage, capsys, "replay") == (2, "say which webhooks are to be replayed\n")


async def aged(stage: Stage, natural_id: str, days: int) -> None:
    """As if it had come so many days ago."""
    statement = update(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.natural_id == natural_id)
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(statement.values(received_at=WEBHOOK_EVENTS.c.received_at - timedelta(days=days)))


async def test_old_bodies_are_forgotten_and_their_keys_never(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    old, young = new_id("who"), new_id("who")
    for name in (old, young):
        await stage.deliver(an_event("transfer.success", transfer_code=name))
        await stage.outcome(name, "ignored")
    waiting = new_id("who")
    async with stage.process.unit_of_work.begin() as tx:
        [row] = (await tx.execute(select(WEBHOOK_EVENTS).where(WEBHOOK_EVENTS.c.natural_id == old))).mappings()
        waits = dict(row) | {"id": new_id("whe"), "natural_id": waiting, "processed_at": None}
        await tx.execute(WEBHOOK_EVENTS.insert().values(waits))
    for name, days in ((old, DAYS + 1), (waiting, DAYS + 1), (young, DAYS - 1)):
        await aged(stage, name, days)
    kept = KeptWebhooks(stage.process.unit_of_work, DAYS)
    assert await kept.tidy() == 1
    assert await kept.tidy() == 0
    bodies = {name: bytes((await stage.webhooks(name))[0]["body"]) for name in (old, waiting, young)}
    assert [bool(bodies[name]) for name in (old, waiting, young)] == [False, True, True]
    duplicates = counted("duplicate")
    await stage.deliver(an_event("transfer.success", transfer_code=old))
    assert counted("duplicate") == duplicates + 1, "the same body is known for ever"
    status, printed = await run(stage, capsys, "replay", "--reference", old)
    assert (status, printed) == (1, "0 replayed\n1 cannot be: their bodies are older than 90 days\n")
    assert "body forgotten" in (await run(stage, capsys, "list", "--reference", old))[1]
    async with stage.process.unit_of_work.begin() as tx:
        await tx.execute(WEBHOOK_EVENTS.delete().where(WEBHOOK_EVENTS.c.natural_id == waiting))


async def test_the_bodies_are_forgotten_by_a_job_of_its_own(stage: Stage) -> None:
    jobs = {job.name: job for job in stage.process._parts.jobs}  # noqa: SLF001  (what the process runs)
    job = jobs["payments.tidy_webhooks"]
    assert (job.every, job.single) == (86_400, True)


ELSEWHERE = "203.0.113.7"
SOURCES = "52.31.139.75, 52.49.173.0/24"


async def send_from(stage: Stage, address: str, body: bytes, signature: str | None = None) -> None:
    signature = signature_of(SECRET_KEY, body) if signature is None else signature
    request = pb.ReceivePaystackWebhookRequest(body=body, signature=signature, source_address=address)
    await stage.stub.ReceivePaystackWebhook(request, metadata=stage.as_gateway)


async def test_a_genuine_webhook_from_elsewhere_is_refused_where_the_sources_are_named(
    backing: dict[str, str], keyring: Keyring, sandbox_url: str, door: Entrance
) -> None:
    async with staged(backing, keyring, sandbox_url, door, paystack_source_addresses=SOURCES) as stage:
        rows, before = await stage.count_webhooks(), counted("foreign")
        for address in (ELSEWHERE, "", "nowhere", "52.31.139.76", "::ffff:203.0.113.7", "::1"):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await send_from(stage, address, an_event("transfer.success", transfer_code=new_id("who")))
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert reason_of(refused.value) == "SOURCE_FOREIGN"
        assert counted("foreign") == before + 6
        with pytest.raises(grpc.aio.AioRpcError) as forged:
            await send_from(stage, "52.31.139.75", an_event("transfer.success"), "no signature")
        assert reason_of(forged.value) == "SIGNATURE_INVALID"
        assert await stage.count_webhooks() == rows
        for address in ("52.31.139.75", "52.49.173.169", "::ffff:52.31.139.75"):
            await send_from(stage, address, an_event("transfer.success", transfer_code=new_id("who")))
        assert await stage.count_webhooks() == rows + 3


@pytest.mark.parametrize("wrong", ["52.31.139.75,x", "52.31.139.75/8", "52.31.139.999"])
def test_sources_that_are_no_addresses_are_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Settings(paystack_source_addresses=wrong)  # type: ignore[call-arg]  # what is missing is not what is asked
