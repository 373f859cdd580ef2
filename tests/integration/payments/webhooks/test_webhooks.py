"""What is let in: genuine bodies, stored before they are acknowledged; all else leaves only a count."""

import json

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import select, update
from support.payments.parts import SECRET_KEY
from support.payments.stage import Stage, eventually
from support.services import reason_of
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.queue import work as work_table
from whatsinvoice_kit.queue.work import NewWork
from whatsinvoice_payments.domain.kept_webhook import Selection
from whatsinvoice_payments.domain.webhook import MAX_NAME, claim_of, is_genuine, read_webhook, signature_of
from whatsinvoice_payments.models import KIT_TABLES
from whatsinvoice_payments.service.charge_webhooks import ChargeWebhooks
from whatsinvoice_payments.service.kept_webhooks import KeptWebhooks
from whatsinvoice_payments.service.webhooks import TRIES

GOLDEN_BODY = (
    b'{"event":"charge.success","data":{"id":302961,"reference":"INV-2026-0001.a1","amount":10000,"currency":"NGN"}}'
)
GOLDEN_SIGNATURE = (
    "8b5a5dbaa54ee505a8606d1c30b50c0de20b2f6be7e834c1662644420017ddf6"
    "9b5dec7220022beaf1dbcdc566d03838ff6d087a7a9a6bb096ab4d43ddd17f80"
)
TRAP = '{"a":"caf\\u00e9 \\/ ₦"}'.encode()


def test_the_golden_vector() -> None:
    assert signature_of(SECRET_KEY, GOLDEN_BODY) == GOLDEN_SIGNATURE
    assert is_genuine(SECRET_KEY, GOLDEN_BODY, GOLDEN_SIGNATURE)


def test_the_signature_is_of_the_raw_body() -> None:
    written_again = json.dumps(json.loads(TRAP)).encode()
    assert is_genuine(SECRET_KEY, TRAP, signature_of(SECRET_KEY, TRAP))
    assert not is_genuine(SECRET_KEY, written_again, signature_of(SECRET_KEY, TRAP))


def forged(secret: str = SECRET_KEY) -> dict[str, tuple[bytes, str]]:
    """What is wrong -> body and signature, for a receiver that has this secret."""
    signature = signature_of(secret, GOLDEN_BODY)
    flipped = bytes([GOLDEN_BODY[0], GOLDEN_BODY[1] ^ 1]) + GOLDEN_BODY[2:]
    return {
        "flipped byte": (flipped, signature),
        "wrong key": (GOLDEN_BODY, signature_of("sk_test_another", GOLDEN_BODY)),
        "no header": (GOLDEN_BODY, ""),
        "upper case": (GOLDEN_BODY, signature.upper()),
        "not ASCII": (GOLDEN_BODY, "é" * 128),
        "written again": (json.dumps(json.loads(GOLDEN_BODY)).encode(), signature),
        "empty key": (GOLDEN_BODY, signature_of("", GOLDEN_BODY)),
    }


async def test_what_is_not_genuine_leaves_a_count_and_no_row(stage: Stage) -> None:
    rows, refusals = await stage.count_webhooks(), counted("refused")
    for wrong, (body, signature) in forged().items():
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.deliver(body, signature)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED, wrong
        assert reason_of(refused.value) == "SIGNATURE_INVALID", wrong
    assert await stage.count_webhooks() == rows
    assert counted("refused") == refusals + len(forged())


MALFORMED = (
    b"",
    b"nothing",
    b"[]",
    b'"event"',
    b"\xff",
    b'{"event": 1, "data": {}}',
    b'{"event": "charge.success"}',
    b'{"event": "charge.success", "data": 1}',
    b"[" * 10**5,
)


async def test_a_genuine_body_without_event_and_data_is_malformed(stage: Stage) -> None:
    rows = await stage.count_webhooks()
    for body in MALFORMED:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.deliver(body)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, body[:40]
        assert reason_of(refused.value) == "BODY_MALFORMED", body[:40]
    assert await stage.count_webhooks() == rows


async def test_a_genuine_webhook_is_kept_byte_for_byte(stage: Stage) -> None:
    name = new_id("who")
    body = f'{{"event":"charge.success","data":{{"reference":"{name}","x":"caf\\u00e9 \\/ ₦"}}}}'.encode()
    await stage.deliver(body)
    [row] = await stage.webhooks(name)
    assert (row["provider"], row["event"], bytes(row["body"])) == ("paystack", "charge.success", body)
    await stage.outcome(name, "quarantined")


async def test_other_events_are_kept_and_ignored(stage: Stage) -> None:
    name = new_id("who")
    await stage.deliver(
        json.dumps({"event": "customeridentification.success", "data": {"customer_code": name}}).encode()
    )
    await stage.outcome(name, "ignored")
    await stage.deliver(json.dumps({"event": "subscription.expiring_cards", "data": [name]}).encode())


async def test_text_that_no_database_takes_does_no_harm(stage: Stage) -> None:
    name = new_id("who")
    body = json.dumps({"event": "charge.success", "data": {"reference": f"{name}\0\ud800" + "x" * 5000}}).encode()
    await stage.deliver(body)
    await stage.outcome((f"{name}\0?" + "x" * 5000)[:MAX_NAME].replace("\0", ""), "quarantined")


@pytest.mark.parametrize(
    ("event", "data", "natural_id"),
    [
        ("charge.success", {"id": 1, "reference": "01k.1"}, "01k.1"),
        ("charge.success", {"id": 2**64 - 1}, "18446744073709551615"),
        ("charge.dispute.create", {"id": 7, "reference": "no"}, "7"),
        ("refund.pending", {"refund_reference": None, "transaction_reference": "01k.1"}, "01k.1"),
        ("refund.processed", {"refund_reference": "R1", "transaction_reference": "01k.1"}, "R1"),
        ("transfer.success", {"transfer_code": "TRF_1", "reference": "01k.1"}, "TRF_1"),
        ("bank.transfer.rejected", {"bank_transfer": {"transaction_id": 5}}, "5"),
        ("bank.transfer.rejected", {"bank_transfer": 0}, ""),
        ("paymentrequest.success", {"request_code": "PRQ_1"}, "PRQ_1"),
        ("subscription.expiring_cards", [], ""),
        ("something.new", {"id": 3}, "3"),
    ],
)
def test_what_a_webhook_is_recognised_by(event: str, data: object, natural_id: str) -> None:
    assert read_webhook(json.dumps({"event": event, "data": data}).encode()).natural_id == natural_id


@pytest.mark.parametrize(
    ("amount", "read"),
    [(10000, 10000), ("10000", 10000), ("1e4", None), (True, None), (1.5, None), (None, None), ({}, None)],
)
def test_amounts_come_as_number_or_string(amount: object, read: int | None) -> None:
    body = json.dumps({"event": "charge.success", "data": {"reference": "r", "amount": amount}}).encode()
    assert claim_of(body).amount_minor == read


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["id", "reference", "amount", "currency", "bank_transfer", "transaction_id", "refund_reference"]
)
EVENTS = st.sampled_from(["charge.success", "refund.failed", "bank.transfer.rejected"]) | st.text()
DATA = JSON | st.dictionaries(FIELDS, JSON, max_size=5)


@given(st.binary() | st.builds(lambda e, d: json.dumps({"event": e, "data": d}).encode(), JSON | EVENTS, DATA))
def test_no_body_ends_in_anything_but_a_reading_or_a_refusal(body: bytes) -> None:
    try:
        received = read_webhook(body)
    except ServiceError:
        return
    assert "\0" not in received.natural_id + received.event
    assert len(received.natural_id) <= MAX_NAME
    claim_of(body)


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("payments_webhooks_total", {"outcome": outcome}) or 0


async def test_f27_a_webhook_whose_effect_has_a_bug_ends_as_failed_and_can_be_replayed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bug(*_: object) -> None:
        raise KeyError("bug")

    work, reference = KIT_TABLES.work, new_id("bug")
    body = json.dumps({"event": "charge.success", "data": {"reference": reference, "amount": 1}}).encode()
    with monkeypatch.context() as broken:
        broken.setattr(ChargeWebhooks, "_known", bug)
        await stage.deliver(body, signature_of(SECRET_KEY, body))
        [webhook] = await stage.webhooks(reference)
        mine = work.c.key == webhook["id"]

        async def failed_once() -> bool:
            return bool(await stage.rows(select(work).where(mine, work.c.failures == 1)))

        await eventually(failed_once, lambda: stage.rows(select(work).where(mine)))
        async with stage.process.unit_of_work.begin() as tx:
            await tx.execute(update(work).where(mine).values(failures=TRIES - 1, run_at=now()))
            await work_table.add(tx, work, [NewWork("webhook", webhook["id"])])
        await stage.outcome(reference, "failed")
    assert (await stage.webhooks(reference))[0]["error"] == "KeyError"
    kept = KeptWebhooks(stage.process.unit_of_work, 1)
    assert await kept.replay_webhooks(Selection(about=reference)) == (1, 0)
    await stage.outcome(reference, "quarantined")
