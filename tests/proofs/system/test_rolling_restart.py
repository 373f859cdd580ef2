"""A rolling restart of every service under load fails no request, and each process ends in time (D1). `make faults`.

Two of each run, as on a cluster. Whoever sends a request asks which gateways are ready ten times a second, as an
ingress does, and sends it to one of these, once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio
from support.replicas import Replicas
from support.traffic import a_merchants_token, traffic
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
DRAIN_DELAY = 2.0


@pytest_asyncio.fixture
async def replicas(new_stack: Callable[..., Stack]) -> AsyncIterator[tuple[Stack, Replicas]]:
    stack = new_stack(GATEWAY_READ_QUOTA="1000000/minute", GATEWAY_WRITE_QUOTA="1000000/minute")
    assert await asyncio.to_thread(stack.up)
    found = Replicas(stack, DRAIN_DELAY)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await found.start(client)
        yield stack, found
    finally:
        await asyncio.to_thread(found.stop)


async def test_no_request_fails_while_every_process_is_restarted(
    replicas: tuple[Stack, Replicas], figure: Callable[[str], None]
) -> None:
    stack, found = replicas
    token = await asyncio.to_thread(a_merchants_token, stack)
    async with traffic(found.gateways, token) as (sent, client):
        ends = [await replica.restart(client) for replica in found.all]
    figure(
        f"{len(ends)} processes restarted: {sent.told()}; the last to end took {max(ends):.1f} s after SIGTERM, "
        f"{DRAIN_DELAY:g} s of them still serving"
    )
    assert sent.failures == []
    assert sum(sent.answers.values()) > 300
    assert max(ends) < 25
