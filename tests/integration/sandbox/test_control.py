"""The controls: who may use them, what they refuse, the live feed, the clock."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from support.sandbox_stage import JANE, NO_TLS, Stage, until
from whatsinvoice_sandbox.app import create_app
from whatsinvoice_sandbox.clock import ScaledClock
from whatsinvoice_sandbox.settings import Settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "sandbox.internal"])  # noqa: S104  never bound: no server is started
async def test_controls_are_refused_unless_bound_to_loopback(host: str) -> None:
    app = create_app(Settings(sandbox_host=host))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", verify=NO_TLS) as client:
        for path in ("/_control/ledger", f"/_control/phones/{JANE}/messages", "/_control/webhooks", "/_control/lies"):
            assert (await client.get(path)).status_code == 403
        assert (await client.put("/_control/faults", json=[])).status_code == 403
        assert (await client.get("/healthz")).status_code == 200
    await app.state.world.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_has_several_names(host: str) -> None:
    assert Settings(sandbox_host=host).controllable


def test_controls_elsewhere_are_somebodys_word() -> None:
    assert Settings(sandbox_host="0.0.0.0", sandbox_controls=True).controllable  # noqa: S104  (what a container has)
    told = Settings.from_environment({"SANDBOX_HOST": "0.0.0.0", "SANDBOX_CONTROLS": "on"})  # noqa: S104  (the same)
    assert told.controllable


@pytest.mark.parametrize("number", ["08012345678", "+0801", "jane", "+23480123456789012"])
async def test_a_number_must_be_in_international_form(stage: Stage, number: str) -> None:
    answer = await stage.control("GET", f"/phones/{number}/messages")
    assert answer.status_code == 422
    assert "international form" in answer.text


async def test_a_phone_is_the_same_with_and_without_plus(stage: Stage) -> None:
    await stage.write(f"+{JANE}", text="one")
    await stage.write(JANE, text="two")
    assert [message["text"] for message in await stage.shown(f"+{JANE}")] == ["one", "two"]


async def test_messages_after_a_seq(stage: Stage) -> None:
    for line in ("one", "two", "three"):
        await stage.write(text=line)
    answer = await stage.control("GET", f"/phones/{JANE}/messages", params={"after": 1})
    assert [(message["seq"], message["text"]) for message in answer.json()["messages"]] == [(2, "two"), (3, "three")]


@pytest.mark.parametrize(
    "body", [{}, {"text": "a", "button_id": "b"}, {"text": ""}, {"txt": "a"}, {"audio": "%"}, {"text": "x" * 4097}]
)
async def test_a_phone_writes_exactly_one_thing(stage: Stage, body: dict[str, Any]) -> None:
    assert (await stage.control("POST", f"/phones/{JANE}/messages", json=body)).status_code == 422
    assert await stage.shown() == []


@pytest.mark.parametrize("act", [{}, {"outcome": "won"}, {"outcome": "success", "amount_minor": 0}])
async def test_a_payer_does_something_known(stage: Stage, act: dict[str, Any]) -> None:
    access_code = (await stage.initialize())["access_code"]
    assert (await stage.pay(access_code, **act)).status_code == 422
    assert (await stage.pay("none", outcome="success")).status_code == 404


async def test_a_payer_is_told_where_to_go_back_to(stage: Stage) -> None:
    access_code = (await stage.initialize(callback_url="https://shop.example/i/tok"))["access_code"]
    answer = (await stage.pay(access_code, outcome="success", channel="ussd")).json()
    assert answer["callback_url"] == "https://shop.example/i/tok?trxref=01k3abc.1&reference=01k3abc.1"


async def test_the_ledger_holds_what_was_charged_and_nothing_else(stage: Stage) -> None:
    access_code = (await stage.initialize())["access_code"]
    await stage.initialize(reference="never-paid")
    await stage.pay(access_code, outcome="success", channel="ussd", amount_minor=8000000)
    ledger = (await stage.control("GET", "/ledger")).json()
    assert ledger["refunds"] == []
    (charge,) = ledger["charges"]
    assert charge.pop("paid_at")
    assert charge == {
        "reference": "01k3abc.1",
        "amount": 8000000,
        "requested_amount": 7500000,
        "fees": 130000,
        "currency": "NGN",
        "status": "success",
        "channel": "ussd",
        "customer": "jane@example.com",
        "refunded_amount": 0,
        "disputed_amount": 0,
    }
    assert ledger["balance"] == {"NGN": 7870000}


async def test_a_phone_can_be_watched_live(stage: Stage) -> None:
    await stage.write(text="before")
    told: list[tuple[str, str]] = []
    async with stage.http.stream("GET", f"/_control/phones/{JANE}/events") as feed:
        assert feed.headers["content-type"].startswith("text/event-stream")
        await stage.write(text="now")
        async for line in feed.aiter_lines():
            if line.startswith("data: "):
                message = json.loads(line.removeprefix("data: "))
                told.append((message["text"], message["status"]))
            if len(told) == 2:
                break
    assert told == [("before", "sent"), ("now", "sent")]


async def test_a_running_wait_follows_the_clock() -> None:
    clock = ScaledClock(1.0)
    waiting = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.rescale(0.00001)
    async with asyncio.timeout(1):
        await waiting


async def test_the_clock_can_be_set(stage: Stage) -> None:
    stage.receiver.answers = [500]
    assert (await stage.control("POST", "/clock", json={"scale": 1000})).json() == {"scale": 1000}
    await stage.write()
    await until(lambda: stage.receiver.received)
    await stage.control("POST", "/clock", json={"scale": 0.0001})
    await until(lambda: len(stage.receiver.received) == 2)
    for scale in (0, -1, "fast"):
        assert (await stage.control("POST", "/clock", json={"scale": scale})).status_code == 422
