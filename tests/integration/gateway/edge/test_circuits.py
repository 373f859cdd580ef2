"""A service that is away or hangs costs its callers nothing for long, and is found again when it is back."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from prometheus_client import REGISTRY
from support.http import served
from support.keys import Keyring
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.circuit import CLOSED, FAILURES, HALF_OPEN, OPEN, OPEN_SECONDS, Circuit
from whatsinvoice_invoices.__main__ import SPEC as INVOICES
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.rpc.errors import abort
from whatsinvoice_kit.runtime import Process

PATH = "/v1/invoices?limit=1"


class Servicer(invoices_pb2_grpc.InvoicesServiceServicer):
    """Answers, says that a provider is away, or says nothing for a minute."""

    mood = "well"

    async def ListInvoices(self, request: Any, context: Any) -> pb.ListInvoicesResponse:  # noqa: N802  (gRPC's name)
        if self.mood == "hanging":
            await asyncio.sleep(60)
        if self.mood == "complaining":
            await abort(context, ServiceError(Kind.UNAVAILABLE, "PROVIDER_AWAY", "the provider is away", retry_after=7))
        return pb.ListInvoicesResponse()


@asynccontextmanager
async def _listening(port: int, servicer: Servicer) -> AsyncIterator[None]:
    server = grpc.aio.server()
    invoices_pb2_grpc.add_InvoicesServiceServicer_to_server(servicer, server)
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    await server.start()
    yield
    await server.stop(0)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
async def client(port: int, settings_for: Any, keyring: Keyring) -> AsyncIterator[httpx.AsyncClient]:
    """Of a gateway whose invoices service is whatever listens on `port`."""
    settings = settings_for(invoices_grpc=f"127.0.0.1:{port}", request_seconds=1)
    app = edged(create_app(settings, keyring.services["gateway"]), settings)
    headers = {"Authorization": f"Bearer {keyring.user_token(new_id('biz'))}"}
    async with served(app) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
        yield client


def _state() -> float:
    shown = REGISTRY.get_sample_value("gateway_circuit_state", {"service": "invoices"})
    assert shown is not None
    return shown


def _openings() -> float:
    counted = REGISTRY.get_sample_value("gateway_circuit_openings_total", {"service": "invoices"})
    assert counted is not None, "from zero, or the first one is no increase"
    return counted


async def _until_well(client: httpx.AsyncClient) -> float:
    started = time.monotonic()
    async with asyncio.timeout(10):
        while (await client.get(PATH)).status_code != 200:  # noqa: ASYNC110  (as a client tries again)
            await asyncio.sleep(0.02)
    return time.monotonic() - started


async def test_a_stopped_service_is_left_alone_and_found_again(client: httpx.AsyncClient, port: int) -> None:
    servicer = Servicer()  # type: ignore[abstract]  # the other RPCs are not called
    async with _listening(port, servicer):
        assert (await client.get(PATH)).status_code == 200
        assert _state() == CLOSED
    answers = [await client.get(PATH) for _ in range(FAILURES)]
    assert _state() == OPEN
    times = []
    for _ in range(50):
        started = time.monotonic()
        answers.append(await client.get(PATH))
        times.append(time.monotonic() - started)
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "UPSTREAM_UNAVAILABLE")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    print(f"refused by the open circuit in {sorted(times)[25] * 1000:.1f} ms (median of 50)")  # noqa: T201  (a figure)
    async with _listening(port, servicer):
        seconds = await _until_well(client)
        print(f"served again {seconds:.2f} s after the service came back")  # noqa: T201  (a figure to be read)
        assert seconds < OPEN_SECONDS + 3
        assert _state() == CLOSED


async def test_a_hanging_service_holds_few_and_one_call_tries_it(client: httpx.AsyncClient, port: int) -> None:
    servicer = Servicer()  # type: ignore[abstract]  # the other RPCs are not called
    async with _listening(port, servicer):
        await _until_well(client)
        before = _openings()
        servicer.mood = "hanging"
        slow = await asyncio.gather(*(client.get(PATH) for _ in range(FAILURES)))
        assert {answer.status_code for answer in slow} == {504}
        started = time.monotonic()
        assert {(await client.get(PATH)).status_code for _ in range(20)} == {503}
        assert time.monotonic() - started < OPEN_SECONDS
        await asyncio.sleep(OPEN_SECONDS)
        trying = asyncio.create_task(client.get(PATH))
        await asyncio.sleep(0.3)
        assert _state() == HALF_OPEN
        others = Counter([(await client.get(PATH)).status_code for _ in range(5)])
        assert (others, (await trying).status_code) == ({503: 5}, 504)
        assert _state() == OPEN
        assert _openings() == before + 2, "each trial that fails is one more, as long as the service hangs"
        await asyncio.sleep(OPEN_SECONDS)
        assert _state() == HALF_OPEN, "nobody is turned away any longer, and nobody has called"
        servicer.mood = "well"
        assert await _until_well(client) < OPEN_SECONDS + 1


async def test_a_service_that_says_another_is_away_stays_reachable(client: httpx.AsyncClient, port: int) -> None:
    servicer = Servicer()  # type: ignore[abstract]  # the other RPCs are not called
    async with _listening(port, servicer):
        await _until_well(client)
        servicer.mood = "complaining"
        answers = [await client.get(PATH) for _ in range(FAILURES * 2)]
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "7")}
        assert _state() == CLOSED


async def test_the_other_services_go_on(client: httpx.AsyncClient, stack: Any) -> None:
    assert {(await client.get(PATH)).status_code for _ in range(FAILURES + 5)} <= {503, 504}
    assert (await client.get("/.well-known/jwks.json")).status_code == 200


async def test_the_real_invoices_service_is_found_again_after_a_restart(
    stack: Any, gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    settings, port = stack.invoices._settings, stack.invoices.rpc.port  # noqa: SLF001  (the same service once more)
    assert (await gateway.get(PATH, headers=owner)).status_code == 200
    await stack.invoices.rpc.stop(0)
    assert {(await gateway.get(PATH, headers=owner)).status_code for _ in range(FAILURES + 5)} == {503}
    back = Process(INVOICES, settings.model_copy(update={"grpc_port": port}), "api")
    await back.start()
    gateway.headers.update(owner)
    print(f"invoices served again after {await _until_well(gateway):.2f} s")  # noqa: T201  (a figure to be read)
    await back.stop()


async def test_a_call_that_was_never_made_says_nothing_of_the_service() -> None:
    circuit = Circuit("sample")
    silent = ServiceError(Kind.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "away")
    silent.__cause__ = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
    for _ in range(FAILURES):
        with pytest.raises(ServiceError), circuit.guarding():
            raise silent
    assert circuit.state == OPEN
    await asyncio.sleep(OPEN_SECONDS)
    with pytest.raises(asyncio.CancelledError), circuit.guarding():
        raise asyncio.CancelledError
    with pytest.raises(ServiceError, match="late"), circuit.guarding():
        raise ServiceError(Kind.UNAVAILABLE, "UPSTREAM_TIMEOUT", "late")
    with circuit.guarding():
        assert circuit.state == HALF_OPEN
    assert circuit.state == CLOSED
