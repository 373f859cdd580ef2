"""The client of Paystack before a server that answers anything at all: a reading, a refusal, or a ProviderError."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import ValidationError
from whatsinvoice_kit.rpc.call import Call, serving
from whatsinvoice_payments.clients import ProviderError, ProviderRefusal, ReferenceTaken
from whatsinvoice_payments.clients import paystack_http as module
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.clients.paystack_shapes import Envelope, Transaction
from whatsinvoice_payments.domain.charge import Charge, ChargeStatus
from whatsinvoice_payments.domain.walk import Listed, Unreadable
from whatsinvoice_payments.domain.webhook import Deposit

FAILURES, PAUSE = 5, 0.5

GOOD = {
    "reference": "01k.1",
    "status": "success",
    "amount": "7500000",
    "requested_amount": 7500000,
    "fees": 122500,
    "currency": "NGN",
    "channel": "card",
    "paid_at": "2026-11-24T12:00:00.000Z",
    "metadata": 0,
}


@dataclass
class Odd:
    """A server that gives the same raw answer each time."""

    status: int = 200
    body: bytes = b""
    headers: str = ""
    seconds: float = 0
    asked: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.partition("\r\n")[0])
        await asyncio.sleep(self.seconds)
        length = f"content-length: {len(self.body)}\r\nconnection: close\r\n"
        writer.write(f"HTTP/1.1 {self.status} Odd\r\n{length}{self.headers}\r\n".encode() + self.body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def facing(**answer: Any) -> AsyncIterator[tuple[Paystack, Odd]]:
    if "data" in answer:
        answer["body"] = json.dumps({"status": True, "message": "ok", "data": answer.pop("data")}).encode()
    odd = Odd(**answer)
    server = await asyncio.start_server(odd.answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    paystack = Paystack(url, "sk_test_key", failures=FAILURES, open_seconds=PAUSE)
    yield paystack, odd
    await paystack.close()
    server.close()


async def initialize(paystack: Paystack) -> tuple[str, str]:
    return await paystack.initialize(
        reference="01k.1",
        amount_minor=100,
        currency="NGN",
        email="a@example.com",
        callback_url="",
        invoice_id="inv_1",
        subaccount="",
    )


async def test_amounts_are_read_as_number_or_string() -> None:
    async with facing(data=GOOD) as (paystack, _):
        charge = await paystack.verify("01k.1")
    assert charge is not None
    assert (charge.paid_minor, charge.requested_minor, charge.fees_minor) == (7_500_000, 7_500_000, 122_500)
    assert charge.paid_at is not None
    assert charge.paid_at.isoformat() == "2026-11-24T12:00:00+00:00"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("success", ChargeStatus.SUCCESS),
        ("failed", ChargeStatus.FAILED),
        ("reversed", ChargeStatus.REVERSED),
        *((word, ChargeStatus.OPEN) for word in ("abandoned", "ongoing", "pending", "processing", "queued")),
    ],
)
def test_the_providers_words(word: str, status: ChargeStatus) -> None:
    assert Transaction.model_validate(GOOD | {"status": word}).as_charge().status is status


@pytest.mark.parametrize("given", ["yesterday", 5, None, "9999999999999999", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_read_is_left_to_our_clock(given: object) -> None:
    assert Transaction.model_validate(GOOD | {"paid_at": given}).as_charge().paid_at is None


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"<html>"},
        {"body": b""},
        {"body": b"[" * 100_000},
        {"data": None},
        {"data": []},
        {"data": {}},
        {"data": GOOD | {"amount": -1}},
        {"data": GOOD | {"amount": 75.5}},
        {"data": GOOD | {"amount": 10**16}},
        {"data": GOOD | {"status": "quantum"}},
        {"data": GOOD | {"currency": None}},
        {"status": 401, "body": b'{"status": false, "message": "Invalid key"}'},
        {"status": 302, "headers": "location: /\r\n"},
    ],
)
async def test_what_cannot_be_read_is_a_provider_error(answer: dict[str, Any]) -> None:
    async with facing(**answer) as (paystack, _):
        with pytest.raises(ProviderError):
            await paystack.verify("01k.1")
        with pytest.raises(ProviderError):
            await initialize(paystack)


async def test_reads_are_tried_again_and_writes_are_not() -> None:
    async with facing(status=502, body=b"bad gateway") as (paystack, odd):
        with pytest.raises(ProviderError):
            await paystack.verify("01k.1")
        with pytest.raises(ProviderError):
            await initialize(paystack)
    assert [line.split()[0] for line in odd.asked] == ["GET", "GET", "GET", "POST"]


async def test_an_answer_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_SECONDS", 0.2)
    async with facing(seconds=0.6) as (paystack, _):
        began = time.monotonic()
        with pytest.raises(ProviderError):
            await paystack.verify("01k.1")
        assert time.monotonic() - began < 0.5
        await asyncio.sleep(0.6)  # the server ends its answer


async def test_patience_is_kept_without_asking_again() -> None:
    async with facing(status=429, headers="retry-after: 7\r\n") as (paystack, odd):
        for _ in range(2):
            with pytest.raises(ProviderError) as first:
                await paystack.verify("01k.1")
            assert first.value.retry_after == 7
    assert len(odd.asked) == 1


async def asked_in_vain(paystack: Paystack) -> ProviderError:
    with pytest.raises(ProviderError) as error:
        await paystack.verify("01k.1")
    return error.value


@pytest.mark.parametrize(
    "answer", [{"status": 502}, {"body": b"<html>"}, {"seconds": 0.6}], ids=["failing", "unreadable", "hanging"]
)
async def test_a_provider_that_fails_is_left_alone_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(module, "TOTAL_SECONDS", 0.3)
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    async with facing(**answer) as (paystack, odd):
        for _ in range(FAILURES):
            assert (await asked_in_vain(paystack)).retry_after == 0
        assert REGISTRY.get_sample_value("payments_provider_circuit_state") == 2
        asked, began = len(odd.asked), time.monotonic()
        for _ in range(50):
            assert (await asked_in_vain(paystack)).retry_after == 1
        assert time.monotonic() - began < 0.2
        assert len(odd.asked) == asked
        odd.status, odd.body, odd.seconds = 200, json.dumps({"data": GOOD}).encode(), 0
        await asyncio.sleep(PAUSE)
        assert await paystack.verify("01k.1")
        assert REGISTRY.get_sample_value("payments_provider_circuit_state") == 0
        await asyncio.sleep(0.4)  # the server ends what it still answers


@pytest.mark.parametrize("status", [400, 401, 404, 429])
async def test_an_answer_that_says_no_opens_nothing(status: int) -> None:
    body = b'{"status": false, "message": "no"}'
    async with facing(status=status, body=body) as (paystack, _):
        for _ in range(FAILURES + 1):
            paystack._quiet_until = 0  # noqa: SLF001  (as if the time that a 429 asks for had passed)
            with pytest.raises((ProviderError, ProviderRefusal)):
                await initialize(paystack)
        assert REGISTRY.get_sample_value("payments_provider_circuit_state") == 0


async def test_a_key_that_is_refused_is_told_from_other_refusals_from_the_first_on() -> None:
    def counted(outcome: str) -> float | None:
        labels = {"call": "initialize", "outcome": outcome}
        return REGISTRY.get_sample_value("payments_provider_calls_total", labels)

    before, refused = counted("unauthorized"), counted("refused")
    assert before is not None, "from zero, or the first one is no increase"
    async with facing(status=401, body=b'{"status": false, "message": "Invalid key"}') as (paystack, _):
        with pytest.raises(ProviderError):
            await initialize(paystack)
    assert (counted("unauthorized"), counted("refused")) == (before + 1, refused)


async def test_the_circuit_of_a_provider_that_nobody_asks_any_longer_is_not_told_to_be_open() -> None:
    def told(name: str) -> float:
        return REGISTRY.get_sample_value(name) or 0

    before = told("payments_provider_circuit_openings_total")
    async with facing(status=502, body=b"bad gateway") as (paystack, _):
        for _ in range(FAILURES):
            await asked_in_vain(paystack)
        assert told("payments_provider_circuit_state") == 2
        assert told("payments_provider_circuit_openings_total") == before + 1
        await asyncio.sleep(PAUSE)
        assert told("payments_provider_circuit_state") == 1


async def test_a_caller_in_a_hurry_says_nothing_of_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waited for long does, also when she is gone before the answer is overdue."""
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.2)
    async with facing(seconds=0.6) as (paystack, _):
        for seconds, state in ((0.05, 0), (0.3, 2)):
            for _ in range(FAILURES):
                began = time.monotonic()
                with serving(Call(deadline=began + seconds)):
                    await asked_in_vain(paystack)
                assert time.monotonic() - began < 0.55, "not as long as the server takes, by what a busy machine adds"
            assert REGISTRY.get_sample_value("payments_provider_circuit_state") == state
        await asyncio.sleep(0.6)  # the server ends its answers


async def test_what_a_call_took_is_measured() -> None:
    before = REGISTRY.get_sample_value("payments_provider_seconds_count", {"call": "verify"}) or 0
    async with facing(data=GOOD) as (paystack, _):
        await paystack.verify("01k.1")
    assert REGISTRY.get_sample_value("payments_provider_seconds_count", {"call": "verify"}) == before + 1


async def listed(paystack: Paystack) -> list[Listed | Unreadable]:
    day = datetime(2026, 11, 24, tzinfo=UTC)
    return [found async for found in paystack.transactions(day, day + timedelta(days=1))]


def a_page(*items: object, following: str | None = None) -> bytes:
    return json.dumps({"status": True, "data": items, "meta": {"next": following, "perPage": 100}}).encode()


async def test_the_list_is_read_item_by_item() -> None:
    good = GOOD | {"id": 2**64 - 1, "customer": {"customer_code": "CUS_1"}, "authorization": {}}
    into_account = good | {
        "channel": "dedicated_nuban",
        "authorization": {"receiver_bank_account_number": "9930000737"},
    }
    bad = good | {"amount": "much"}
    async with facing(body=a_page(good, into_account, bad, 7)) as (paystack, odd):
        card, deposit, unreadable, nothing = await listed(paystack)
    assert isinstance(card, Listed)
    assert (card.provider_id, card.charge.paid_minor, card.deposit) == (2**64 - 1, 7_500_000, None)
    assert isinstance(deposit, Listed)
    assert deposit.deposit == Deposit("9930000737", "CUS_1")
    assert (unreadable, nothing) == (Unreadable("01k.1"), Unreadable("7"))
    [line] = odd.asked
    for asked in ("use_cursor=true", "status=success", "from=2026-11-24T00%3A00%3A00.000Z", "to=2026-11-25"):
        assert asked in line


@pytest.mark.parametrize("body", [a_page(following="txn1"), b'{"data": []}', b'{"data": {}, "meta": {}}'])
async def test_a_list_that_never_ends_or_is_none_is_a_provider_error(body: bytes) -> None:
    async with facing(body=body) as (paystack, odd):
        with pytest.raises(ProviderError):
            await listed(paystack)
    assert len(odd.asked) <= 2


async def test_an_unknown_reference_is_none() -> None:
    body = b'{"status": false, "message": "Transaction reference not found."}'
    for status in (400, 404):
        async with facing(status=status, body=body) as (paystack, _):
            assert await paystack.verify("01k.1") is None


async def test_what_initialize_may_say() -> None:
    taken = b'{"status": false, "message": "Duplicate Transaction Reference", "code": "duplicate_reference"}'
    refused = b'{"status": false, "message": "Invalid Amount Sent"}'
    async with facing(status=400, body=taken) as (paystack, _):
        with pytest.raises(ReferenceTaken):
            await initialize(paystack)
    async with facing(status=400, body=refused) as (paystack, _):
        with pytest.raises(ProviderRefusal, match="Invalid Amount Sent"):
            await initialize(paystack)
    for wrong in ({"reference": "01k.2"}, {"authorization_url": "javascript:alert(1)"}):
        opened = {"authorization_url": "https://checkout.example/x", "access_code": "x", "reference": "01k.1"}
        async with facing(data=opened | wrong) as (paystack, _):
            with pytest.raises(ProviderError):
                await initialize(paystack)


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*GOOD, "extra"]), ANYTHING, max_size=4))
def test_a_mutated_answer_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        charge = Transaction.model_validate(GOOD | changes).as_charge()
    except ValidationError:
        return
    assert isinstance(charge, Charge)
    assert charge.paid_minor >= 0
    assert charge.fees_minor >= 0
    for text in (charge.reference, charge.channel, charge.words, charge.currency):
        assert "\0" not in text
        text.encode()


@given(st.binary())
def test_any_bytes_are_an_envelope_or_refused(body: bytes) -> None:
    try:
        Envelope.model_validate_json(body)
    except ValidationError:
        return
