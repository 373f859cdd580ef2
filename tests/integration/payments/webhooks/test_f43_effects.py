"""F43: a webhook whose effect raised stays unprocessed, and the next try applies it."""

from typing import Any

import pytest
from support.payments.stage import Stage, eventually
from whatsinvoice_payments.service import charge_webhooks, money_back


@pytest.mark.parametrize("error", [RuntimeError, KeyError, AssertionError])
async def test_f43_an_effect_that_raises_is_tried_again_and_then_applied(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)

    async def raises(*_: Any, **__: Any) -> Any:
        raise error("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr(charge_webhooks, "settle", raises)
        await stage.pay(checkout)

        async def tried() -> bool:
            return await stage.attempts(checkout.reference) >= 2

        await eventually(tried, lambda: stage.webhooks(checkout.reference))
        [row] = await stage.webhooks(checkout.reference)
        assert (row["processed_at"], row["outcome"]) == (None, "")
        assert await stage.statuses(token) == ["pending"]
    await stage.outcome(checkout.reference, "settled")
    assert await stage.statuses(token) == ["succeeded"]
    assert len(await stage.told(token)) == 1


async def test_f43_a_refund_whose_effect_raises_is_applied_at_the_next_try(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    body = f'{{"event":"refund.processed","data":{{"transaction_reference":"{checkout.reference}","amount":"1"}}}}'

    async def raises(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr(money_back.MoneyBack, "bring_in_line", raises)
        await stage.deliver(body.encode())

        async def tried() -> bool:
            return await stage.attempts(checkout.reference) >= 2

        await eventually(tried, lambda: stage.webhooks(checkout.reference))
        refund = [row for row in await stage.webhooks(checkout.reference) if row["event"] == "refund.processed"]
        assert [row["processed_at"] for row in refund] == [None]

    async def done() -> bool:
        rows = [row for row in await stage.webhooks(checkout.reference) if row["event"] == "refund.processed"]
        return [row["outcome"] for row in rows] == ["unchanged"]

    await eventually(done, lambda: stage.webhooks(checkout.reference))
