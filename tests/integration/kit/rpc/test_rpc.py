"""Server and client on a real channel: what passes the gate, what comes back, what goes on to the next hop."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY
from support.hop import ACCESS, DESCRIPTOR, Behaviour, Hop, running_hop
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_kit.core.errors import FieldViolation, Kind, ServiceError
from whatsinvoice_kit.observe.telemetry import continue_trace
from whatsinvoice_kit.rpc.call import Call, current_call, serving
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.errors import from_rpc_error
from whatsinvoice_kit.rpc.server import Gate, RpcServer
from whatsinvoice_kit.rpc.tokens import Verifier, parse_key_sets

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def hop(keyring: Keyring) -> AsyncIterator[Hop]:
    async with running_hop(keyring) as hop:
        yield hop


def raising(error: BaseException) -> Behaviour:
    async def behaviour(_: Any) -> None:
        raise error

    return behaviour


async def test_an_unknown_exception_tells_the_caller_nothing_but_the_logs_id(
    hop: Hop, caplog: pytest.LogCaptureFixture
) -> None:
    hop.servicer.behaviour = raising(RuntimeError("password=hunter2 of postgres at 10.0.0.7"))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await hop.stub.GetInvoice(pb.GetInvoiceRequest(), metadata=bearer(hop.token))
    assert error.value.code() is grpc.StatusCode.INTERNAL
    said, _, log_id = str(error.value.details()).rstrip(")").rpartition(" ")
    assert said == "internal error (log id"
    assert log_id in caplog.text
    assert "hunter2" not in repr(error.value)
    assert (await hop.refusal("GetInvoice")).reason == "UPSTREAM_FAILED"


@pytest.mark.parametrize("kind", list(Kind))
async def test_an_error_comes_through_whole(hop: Hop, kind: Kind) -> None:
    violations = (FieldViolation("lines[0].quantity", "QUANTITY_INVALID", "₦ above 0"), FieldViolation("b", "C", "d"))
    hop.servicer.behaviour = raising(ServiceError(kind, "SOME_REASON", "a sentence with ₦", violations, 7))
    got = await hop.refusal("CreateInvoice")
    assert (got.kind, got.reason, got.message, got.retry_after) == (kind, "SOME_REASON", "a sentence with ₦", 7)
    assert got.violations == violations


async def test_an_error_without_details_has_none(hop: Hop) -> None:
    hop.servicer.behaviour = raising(ServiceError(Kind.NOT_FOUND, "INVOICE_NOT_FOUND", "no such invoice"))
    got = await hop.refusal("CreateInvoice")
    assert (got.violations, got.retry_after) == ((), 0)


async def test_five_hundred_wrong_fields_come_through(hop: Hop) -> None:
    violations = tuple(
        FieldViolation(f"lines[{n}].description", "TOO_LONG", "at most 500 characters") for n in range(500)
    )
    hop.servicer.behaviour = raising(ServiceError(Kind.INVALID_ARGUMENT, "INVALID", "wrong", violations))
    assert (await hop.refusal("CreateInvoice")).violations == violations


async def test_the_deadline_is_exact_and_passing_it_is_unavailable(hop: Hop) -> None:
    async def slow(_: Any) -> None:
        await asyncio.sleep(5)

    hop.servicer.behaviour = slow
    started = time.monotonic()
    with pytest.raises(ServiceError) as error:
        await hop.create(deadline=0.3)
    assert 0.28 <= time.monotonic() - started < 0.8
    assert (error.value.kind, error.value.reason) == (Kind.UNAVAILABLE, "UPSTREAM_TIMEOUT")


@pytest.fixture
async def second(keyring: Keyring) -> AsyncIterator[Hop]:
    """The one that the first calls."""
    async with running_hop(keyring) as hop:
        yield hop


async def test_the_next_hop_gets_the_smaller_deadline_and_the_callers_metadata(hop: Hop, second: Hop) -> None:
    async def on(_: Any) -> pb.GetInvoiceResponse:
        await second.get(deadline=60)
        await second.get(deadline=0.5)
        return pb.GetInvoiceResponse()

    hop.servicer.behaviour = on
    metadata = bearer(hop.token, x_request_id="req-1.a:b", traceparent=TRACE, idempotency_key="key-1")
    await hop.stub.GetInvoice(pb.GetInvoiceRequest(), timeout=2.0, metadata=metadata)
    first, (inherited, own) = hop.servicer.calls[0], second.servicer.calls
    assert 0 < first.deadline - time.monotonic() <= 2.05  # gRPC sends a timeout in hundredths of a second, rounded up
    assert abs(inherited.deadline - first.deadline) < 0.2
    assert own.deadline < first.deadline - 1
    assert first.idempotency_key == "key-1"
    assert inherited.idempotency_key == ""  # a key is for one write: the next hop's has its own
    assert {first.request_id, inherited.request_id} == {"req-1.a:b"}
    assert {*hop.servicer.traces, *second.servicer.traces} == {TRACE}


async def test_a_passed_deadline_makes_no_further_call(hop: Hop) -> None:
    with serving(Call(deadline=time.monotonic() - 1)), pytest.raises(ServiceError) as error:
        await hop.get()
    assert error.value.kind is Kind.UNAVAILABLE
    assert hop.servicer.calls == []


async def test_the_idempotency_key_and_the_own_request_id_go_out(hop: Hop) -> None:
    continue_trace(TRACE)
    with serving(Call(request_id="from-here")):
        await hop.create(idempotency_key="key-2")
    assert (hop.servicer.calls[0].idempotency_key, hop.servicer.calls[0].request_id) == ("key-2", "from-here")
    assert hop.servicer.traces == [TRACE]


@pytest.mark.parametrize("given", ["", "x" * 129, "+234 801 234 5678", "a/b", "jane@example.com"])
async def test_a_request_id_that_is_none_is_replaced(hop: Hop, given: str) -> None:
    await hop.stub.GetInvoice(pb.GetInvoiceRequest(), metadata=bearer(hop.token, x_request_id=given))
    assert len(hop.servicer.calls[0].request_id) == 32


async def test_an_idempotency_key_is_refused_when_too_long_and_never_cut(hop: Hop) -> None:
    await hop.create(idempotency_key="k" * 255)
    assert hop.servicer.calls[0].idempotency_key == "k" * 255
    with pytest.raises(ServiceError) as error:
        await hop.create(idempotency_key="k" * 256)
    assert error.value.reason == "IDEMPOTENCY_KEY_TOO_LONG"


async def test_the_table_says_who_may_call(hop: Hop, keyring: Keyring) -> None:
    def of(service: str) -> str:
        return keyring.service_token(service, "invoices", "biz_1")

    await hop.get(token=of("notifications"))
    await hop.get(token=keyring.user_token("biz_1", scope="a invoices:read"))
    assert [call.identity.kind for call in hop.servicer.calls if call.identity] == ["service", "user"]
    for rpc, token in (
        ("GetInvoice", of("payments")),
        ("GetInvoice", of("gateway")),
        ("GetInvoice", keyring.user_token("biz_1", scope="invoices:write")),
        ("GetInvoice", keyring.user_token("biz_1", scope="")),
        ("GetPayable", keyring.user_token("biz_1")),
        ("IssueInvoice", of("notifications")),
        ("IssueInvoice", keyring.user_token("biz_1")),
    ):
        refused = await hop.refusal(rpc, token)
        assert (refused.kind, refused.reason) == (Kind.PERMISSION_DENIED, "NOT_ALLOWED"), rpc
    assert len(hop.servicer.calls) == 2


async def test_without_a_good_token_nothing_is_called(hop: Hop, keyring: Keyring) -> None:
    for token, reason in (
        ("", "TOKEN_MISSING"),
        ("x.y.z", "TOKEN_INVALID"),
        (keyring.service_token("notifications", "payments", "biz_1"), "TOKEN_INVALID"),
    ):
        refused = await hop.refusal("GetInvoice", token)
        assert (refused.kind, refused.reason) == (Kind.UNAUTHENTICATED, reason)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await hop.stub.GetInvoice(pb.GetInvoiceRequest())
    assert from_rpc_error(error.value).reason == "TOKEN_MISSING"
    assert hop.servicer.calls == []


async def test_an_rpc_that_nobody_serves_is_unimplemented(hop: Hop) -> None:
    call: Any = hop.client.channel.unary_unary(f"/{DESCRIPTOR.full_name}/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call(b"", metadata=bearer(hop.token))
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def _numbers(_: Any, context: Any) -> AsyncIterator[bytes]:
    yield current_call().business_id.encode()
    await asyncio.sleep(60)


async def _eaten(requests: Any, context: Any) -> bytes:
    return b""


@pytest.fixture
async def streams(keyring: Keyring) -> AsyncIterator[tuple[RpcServer, grpc.aio.Channel]]:
    """A server of one server stream (GetInvoice) and one client stream (GetPayable), and a channel to it."""
    server = RpcServer(Gate(Verifier(parse_key_sets(keyring.trusted), "invoices"), ACCESS), "127.0.0.1:0")
    handlers: dict[str, Any] = {
        "GetInvoice": grpc.unary_stream_rpc_method_handler(_numbers),
        "GetPayable": grpc.stream_unary_rpc_method_handler(_eaten),
    }

    def register(_: Any, to: grpc.aio.Server) -> None:
        to.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("x.Streams", handlers),))

    server.add(register, None, "x.Streams")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield server, channel
    await server.stop(0)


async def test_a_server_stream_passes_the_same_gate(
    streams: tuple[RpcServer, grpc.aio.Channel], keyring: Keyring
) -> None:
    call: Any = streams[1].unary_stream("/x.Streams/GetInvoice")
    for metadata, reason in (
        ((), "TOKEN_MISSING"),
        (bearer(keyring.service_token("payments", "invoices")), "NOT_ALLOWED"),
        (bearer(keyring.user_token("biz_1", scope="invoices:write")), "NOT_ALLOWED"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(b"", metadata=metadata).read()
        assert from_rpc_error(error.value).reason == reason
    assert await call(b"", metadata=bearer(keyring.user_token("biz_1"))).read() == b"biz_1"


async def test_a_stopping_server_ends_its_streams(
    streams: tuple[RpcServer, grpc.aio.Channel], keyring: Keyring
) -> None:
    server, channel = streams
    call: Any = channel.unary_stream("/x.Streams/GetInvoice")
    stream = call(b"", metadata=bearer(keyring.user_token("biz_1")))
    await stream.read()
    started = time.monotonic()
    await server.stop(20)
    assert time.monotonic() - started < 2
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stream.read()
    assert from_rpc_error(error.value).reason == "SERVER_STOPPING"


async def test_a_clients_stream_does_not_exist(streams: tuple[RpcServer, grpc.aio.Channel], keyring: Keyring) -> None:
    call: Any = streams[1].stream_unary("/x.Streams/GetPayable")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call(iter([b""]), metadata=bearer(keyring.service_token("payments", "invoices")))
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_kept_answer_is_marked_as_replayed(hop: Hop) -> None:
    async def replays(_: Any) -> pb.GetInvoiceResponse:
        current_call().replayed = len(hop.servicer.calls) > 1
        return pb.GetInvoiceResponse()

    hop.servicer.behaviour = replays
    for expected in (False, True):
        with serving(Call(idempotency_key="mine")) as call:
            await hop.get(idempotency_key="mine")
        assert call.replayed is expected
    with serving(Call(idempotency_key="mine")) as call:  # a key of our own making says nothing of the caller's
        await hop.get(idempotency_key="ours")
    assert not call.replayed


@pytest.mark.parametrize(("rpc", "tries"), [("get", 3), ("create", 1)])
async def test_reads_are_tried_again_and_writes_are_not(hop: Hop, rpc: str, tries: int) -> None:
    hop.servicer.behaviour = raising(ServiceError(Kind.UNAVAILABLE, "AWAY", "away"))
    with pytest.raises(ServiceError):
        await getattr(hop, rpc)()
    assert len(hop.servicer.calls) == tries


async def test_a_write_that_is_its_own_key_may_be_repeated(hop: Hop) -> None:
    client = Client(f"127.0.0.1:{hop.server.port}", DESCRIPTOR, lambda _: hop.token, repeatable=("CreateInvoice",))
    stub: Any = invoices_pb2_grpc.InvoicesServiceStub(client.channel)
    hop.servicer.behaviour = raising(ServiceError(Kind.UNAVAILABLE, "AWAY", "away"))
    with pytest.raises(ServiceError):
        await client.call(stub.CreateInvoice, pb.CreateInvoiceRequest())
    assert len(hop.servicer.calls) == 3
    await client.close()


async def test_only_unavailable_is_tried_again(hop: Hop) -> None:
    hop.servicer.behaviour = raising(ServiceError(Kind.ABORTED, "BUSY", "busy"))
    await hop.refusal("GetInvoice")
    assert len(hop.servicer.calls) == 1


async def test_a_server_that_is_not_there_is_unavailable(hop: Hop) -> None:
    await hop.server.stop(0)
    refused = await hop.refusal("CreateInvoice")
    assert (refused.kind, refused.reason, refused.retry_after) == (Kind.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 1)


async def test_health_and_reflection_answer_without_a_token(hop: Hop) -> None:
    health = health_pb2_grpc.HealthStub(hop.client.channel)
    for name in ("", DESCRIPTOR.full_name):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(hop.client.channel)
    asked = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    services = [service.name async for answer in asked for service in answer.list_services_response.service]
    assert DESCRIPTOR.full_name in services


async def test_a_server_that_leaves_is_called_no_more_and_answers_who_has_not_heard(hop: Hop, second: Hop) -> None:
    both = f"ipv4:///127.0.0.1:{hop.server.port},127.0.0.1:{second.server.port}"
    client = Client(both, DESCRIPTOR, token=lambda _: hop.token)
    stub: Any = invoices_pb2_grpc.InvoicesServiceStub(client.channel)

    async def both_serve() -> bool:
        await client.call(stub.CreateInvoice, pb.CreateInvoiceRequest())
        return bool(hop.servicer.calls and second.servicer.calls)

    await eventually(both_serve)
    await hop.server.leave()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{hop.server.port}") as unaware:
        old: Any = invoices_pb2_grpc.InvoicesServiceStub(unaware)
        await old.CreateInvoice(pb.CreateInvoiceRequest(), metadata=bearer(hop.token))

    async def moved() -> bool:
        before = len(hop.servicer.calls)
        for _ in range(6):
            await client.call(stub.CreateInvoice, pb.CreateInvoiceRequest())
        return len(hop.servicer.calls) == before

    await eventually(moved)
    await client.close()


async def test_a_graceful_stop_lets_the_running_call_end_and_takes_no_other(hop: Hop) -> None:
    running = asyncio.Event()

    async def slow(_: Any) -> pb.GetInvoiceResponse:
        running.set()
        await asyncio.sleep(0.4)
        return pb.GetInvoiceResponse()

    hop.servicer.behaviour = slow
    call = asyncio.create_task(hop.get())
    await running.wait()
    stopping = asyncio.create_task(hop.server.stop(5))
    await asyncio.sleep(0.05)
    with pytest.raises(ServiceError) as late:
        await hop.create(deadline=1)
    assert late.value.kind is Kind.UNAVAILABLE
    assert await call == pb.GetInvoiceResponse()
    await asyncio.wait_for(stopping, 2)
    assert len(hop.servicer.calls) == 1


@pytest.mark.parametrize(("deadline", "code"), [(0.3, "DEADLINE_EXCEEDED"), (30, "CANCELLED")])
async def test_a_call_that_took_too_long_is_told_from_one_that_its_caller_gave_up(
    hop: Hop, deadline: float, code: str
) -> None:
    running = asyncio.Event()

    async def slow(_: Any) -> None:
        running.set()
        await asyncio.sleep(5)

    def counted() -> dict[str, float]:
        labels = ({"method": "GetInvoice", "code": code} for code in ("OK", "CANCELLED", "DEADLINE_EXCEEDED"))
        name = "rpc_server_seconds_count"
        return {label["code"]: REGISTRY.get_sample_value(name, label) or 0 for label in labels}

    hop.servicer.behaviour = slow
    before = counted()
    call = asyncio.create_task(hop.get(deadline=deadline))
    await running.wait()
    if code == "CANCELLED":
        call.cancel()
    with pytest.raises((ServiceError, asyncio.CancelledError)):
        await call
    async with asyncio.timeout(2):
        while counted() == before:  # noqa: ASYNC110  (a counter tells nobody)
            await asyncio.sleep(0.01)
    assert counted() == before | {code: before[code] + 1}
