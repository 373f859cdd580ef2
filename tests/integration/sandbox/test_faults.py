"""Faults on calls, their seeds, and what is said about the unknown ones."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from support.sandbox_stage import Stage
from whatsinvoice_sandbox.faults import KNOWN, Fault, Faults, FaultyRoute
from whatsinvoice_sandbox.meta import api as meta_api
from whatsinvoice_sandbox.paystack.app import ROUTERS

SEND: dict[str, Any] = {"type": "template", "template": {"name": "hello", "language": {"code": "en"}}}


@pytest.mark.parametrize(("provider", "routers"), [("paystack", ROUTERS), ("meta", (meta_api.router,))])
def test_every_call_of_a_provider_can_be_made_to_fail(provider: str, routers: Any) -> None:
    calls = {route.name for router in routers for route in router.routes if isinstance(route, FaultyRoute)}
    assert calls == set(KNOWN[provider]) - {"webhook"}


async def test_an_outage_does_nothing_and_ends(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="initialize", fault="http_5xx", count=1)
    body = {"email": "a@b.co", "amount": 10000, "reference": "r"}
    down = await stage.paystack("POST", "/transaction/initialize", json=body)
    assert (down.status_code, down.json()["status"]) == (500, False)
    assert (await stage.paystack("POST", "/transaction/initialize", json=body)).status_code == 200


async def test_a_timeout_does_the_work_and_holds_the_answer_back(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="initialize", fault="timeout", seconds=1.5, count=1)
    body = {"email": "a@b.co", "amount": 10000, "reference": "r"}
    with pytest.raises(httpx.ReadTimeout):
        await stage.paystack("POST", "/transaction/initialize", json=body, timeout=1.0)
    assert (await stage.verify("r"))["status"] == "abandoned"


async def test_a_delay_only_takes_time(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="banks", fault="delay", seconds=0.2)
    began = time.monotonic()
    assert (await stage.paystack("GET", "/bank")).status_code == 200
    assert time.monotonic() - began >= 0.2


async def test_a_rate_limit_says_when_to_come_back(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="verify", fault="rate_limit", count=1)
    answer = await stage.paystack("GET", "/transaction/verify/r")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


async def test_meta_fails_in_its_own_words(stage: Stage) -> None:
    await stage.fault(provider="meta", call="messages", fault="http_5xx", count=1)
    down = await stage.send(**SEND)
    assert (down.status_code, down.json()["error"]["code"]) == (500, 131000)
    await stage.fault(provider="meta", call="messages", fault="rate_limit", count=1)
    assert (await stage.send(**SEND)).json()["error"]["code"] == 130429
    assert (await stage.send(**SEND)).status_code == 200


async def test_a_verify_can_lie(stage: Stage) -> None:
    await stage.initialize()
    await stage.fault(provider="paystack", call="verify", fault="lie", field="amount", count=1)
    assert (await stage.verify())["amount"] == 3750000
    assert (await stage.verify())["amount"] == 7500000


async def test_faults_are_shown_and_cleared(stage: Stage) -> None:
    await stage.fault(provider="meta", call="webhook", fault="drop", rate=0.5, seed=7)
    shown = (await stage.control("GET", "/faults")).json()
    assert shown["faults"][0]["seed"] == 7
    assert "drop" in shown["known"]["paystack"]["webhook"]
    assert (await stage.control("PUT", "/faults", json=[])).json() == {"faults": []}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"provider": "stripe"}, "known: meta, paystack"),
        ({"call": "teleport"}, "known: balance, banks, "),
        ({"fault": "explode"}, "known: delay, drop, duplicate, lie, reorder"),
        ({"fault": "timeout"}, "known: delay, drop, duplicate, lie, reorder"),
        ({"rate": 1.5}, "less than or equal to 1"),
        ({"surprise": 1}, "not permitted"),
    ],
)
async def test_an_unknown_fault_is_refused_with_what_is_known(stage: Stage, change: dict[str, Any], says: str) -> None:
    fault = {"provider": "paystack", "call": "webhook", "fault": "drop", **change}
    answer = await stage.control("PUT", "/faults", json=[fault])
    assert answer.status_code == 422
    assert says in answer.text


def drawn(seed: int) -> list[bool]:
    faults = Faults()
    faults.replace([Fault(provider="meta", call="webhook", fault="drop", rate=0.5, seed=seed)])
    return [faults.draw("meta", "webhook", "drop") is not None for _ in range(40)]


def test_a_seed_repeats_a_run() -> None:
    assert drawn(1) == drawn(1) != drawn(2)
    assert 10 < sum(drawn(1)) < 30


async def test_flapping_is_down_and_up_in_turns(stage: Stage) -> None:
    await stage.fault(provider="paystack", call="banks", fault="flap", seconds=0.2)
    assert (await stage.paystack("GET", "/bank")).status_code == 500
    await asyncio.sleep(0.2)
    assert (await stage.paystack("GET", "/bank")).status_code == 200


def test_reordering_holds_each_webhook_for_another_while() -> None:
    fault = Fault(provider="meta", call="webhook", fault="reorder", seconds=3)
    faults = Faults()
    faults.replace([fault])
    held = [faults.draw_part(fault) for _ in range(20)]
    assert len(set(held)) == 20
    assert all(0 <= seconds < 3 for seconds in held)
