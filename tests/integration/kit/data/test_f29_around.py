"""Idempotency keys around an act that calls a provider, and so is no single transaction."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from support.sample import TABLES
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.data.idempotency import Idempotency
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.rpc.call import Call, Identity, serving


class Acts:
    """An act under keys. `fails` raises once."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self.idempotency = Idempotency(unit_of_work, TABLES.idempotency)
        self.acted = 0
        self.fails: list[Exception] = []

    async def call(self, key: str, body: str = "a") -> tuple[str, bool]:
        """Return the answer, and whether it was an earlier one."""

        async def act() -> PaymentFailed:
            self.acted += 1
            await asyncio.sleep(0.05)
            if self.fails:
                raise self.fails.pop()
            return PaymentFailed(event_id=f"act {self.acted}")

        identity = Identity("user", "usr_1", "biz_1")
        with serving(Call(method="/x/Act", idempotency_key=key, identity=identity)) as call:
            answer = await self.idempotency.around(PaymentFailed(reason=body), PaymentFailed, act)
        return answer.event_id, call.replayed


@pytest.fixture
def unit_of_work(engine: AsyncEngine) -> UnitOfWork:
    return UnitOfWork(engine, TABLES.outbox)


@pytest.fixture
def acts(unit_of_work: UnitOfWork) -> Acts:
    return Acts(unit_of_work)


async def test_f29_of_many_at_once_one_acts_and_a_repeat_gets_its_answer(acts: Acts) -> None:
    async def outcome() -> str:
        try:
            return (await acts.call("k"))[0]
        except ServiceError as error:
            return error.reason

    found = Counter(await asyncio.gather(*(outcome() for _ in range(10))))
    assert acts.acted == 1
    assert set(found) <= {"act 1", "IDEMPOTENCY_KEY_IN_USE"}
    assert await acts.call("k") == ("act 1", True)
    with pytest.raises(ServiceError) as reused:
        await acts.call("k", body="b")
    assert reused.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_f29_an_act_that_failed_may_be_repeated(acts: Acts) -> None:
    acts.fails = [ServiceError(Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", "away")]
    with pytest.raises(ServiceError):
        await acts.call("k")
    assert await acts.call("k") == ("act 2", False)


async def test_f29_an_act_that_died_is_taken_over_after_a_minute(acts: Acts, unit_of_work: UnitOfWork) -> None:
    running = asyncio.create_task(acts.call("k"))
    await asyncio.sleep(0.02)
    with pytest.raises(ServiceError) as busy:
        await acts.call("k")
    assert busy.value.reason == "IDEMPOTENCY_KEY_IN_USE"
    await running
    name = f"{TABLES.idempotency.schema}.{TABLES.idempotency.name}"
    for seconds, expected in ((59, "IDEMPOTENCY_KEY_IN_USE"), (61, "")):
        async with unit_of_work.begin() as tx:
            dead = f"UPDATE {name} SET response = '\\x00', created_at = now() - interval '{seconds} seconds'"  # noqa: S608  (names of ours)
            await tx.execute(text(dead))
        reason = ""
        try:
            assert await acts.call("k") == ("act 2", False)
        except ServiceError as error:
            reason = error.reason
        assert reason == expected
