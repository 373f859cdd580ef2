"""Spans: made where an endpoint is set and the trace is sampled, nowhere else; and never at the cost of a request."""

import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.exposition import generate_latest
from support.collector import Collector, Span, running_collector
from support.hop import Hop, running_hop
from support.keys import Keyring
from support.sample import eventually
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.observe import telemetry
from whatsinvoice_kit.observe.telemetry import current_traceparent, exemplar, of_stranger, span

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
Start = Callable[[float], Callable[[], list[Span]]]
LOADED_BY_TRACING = {"whatsinvoice_kit.observe.tracing", "opentelemetry.sdk.trace", "opentelemetry.exporter"}
"""redis-py loads the SDK's metrics (3 MB) wherever it finds them; nothing of it is used."""
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture
def tracing(collector: Collector) -> Iterator[Start]:
    """Starts with a ratio; gives a function that stops, and tells what had been sent."""

    def start(ratio: float) -> Callable[[], list[Span]]:
        telemetry.start("tests", collector.endpoint, ratio)

        def sent() -> list[Span]:
            telemetry.stop()
            return collector.spans

        return sent

    yield start
    telemetry.stop()


@pytest.fixture
async def hop(keyring: Keyring) -> AsyncIterator[Hop]:
    async with running_hop(keyring) as hop:
        yield hop


@pytest.mark.parametrize("package", ["whatsinvoice_invoices", "whatsinvoice_gateway"])
def test_without_an_endpoint_nothing_that_makes_or_sends_spans_is_even_loaded(package: str) -> None:
    code = f"""
import importlib, sys
importlib.import_module("{package}.__main__")
from whatsinvoice_kit.observe import telemetry
telemetry.start("tests", "", 1.0)
with telemetry.span("work", "server", within="{SAMPLED}"):
    assert telemetry.current_traceparent() == "{SAMPLED}" and telemetry.exemplar() is None
telemetry.stop()
print(sorted({LOADED_BY_TRACING} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_trace_has_one_root_and_unbroken_parents(tracing: Start) -> None:
    sent = tracing(1)
    with span("GET /x", "server", within="") as work:
        work.name, work.attributes["http.response.status_code"] = "GET /x/{id}", 200
        with span("inner"):
            left = current_traceparent()
    with span("later", "consumer", within=left):
        pass
    root, inner, later = sorted(sent(), key=lambda found: found.began)
    assert (root.parent_id, inner.parent_id, later.parent_id) == ("", root.span_id, inner.span_id)
    assert {root.trace_id, inner.trace_id, later.trace_id} == {left[3:35]}
    assert (root.service, root.name, root.kind, root.failed) == ("tests", "GET /x/{id}", "server", False)
    assert root.attributes == {"http.response.status_code": 200}


def test_who_begins_a_trace_decides_and_others_follow(tracing: Start) -> None:
    sent = tracing(0)
    with span("begun here", within=""), span("inside"):
        assert current_traceparent().endswith("-00")
        assert exemplar() is None
    with span("of an unsampled one", within=UNSAMPLED):
        assert current_traceparent() == UNSAMPLED
    with span("of a sampled one", within=SAMPLED):
        assert exemplar() == {"trace_id": TRACE, "span_id": current_traceparent()[36:52]}
    assert [(found.name, found.trace_id, found.parent_id) for found in sent()] == [("of a sampled one", TRACE, PARENT)]


def test_a_share_of_the_traces_that_begin_here_is_sampled(tracing: Start) -> None:
    sent = tracing(0.1)
    for _ in range(2_000):
        with span("begun here", within=""), span("inside"):
            pass
    found = sent()
    assert 100 < len(found) / 2 < 320
    assert {name.name for name in found} == {"begun here", "inside"}


def test_a_stranger_keeps_the_trace_and_does_not_choose_what_we_sample(
    tracing: Start,
) -> None:
    sent = tracing(0)
    assert {of_stranger(SAMPLED) for _ in range(100)} == {UNSAMPLED}
    assert of_stranger("nonsense") == "nonsense"
    sent()
    tracing(1)
    assert of_stranger(UNSAMPLED) == SAMPLED


def test_work_that_leaves_a_trace_for_another_links_it(tracing: Start) -> None:
    sent = tracing(1)
    with span("webhook", within="") as _:
        left = current_traceparent()[3:35]
        with span("settle", within=SAMPLED):
            pass
    assert {found.name: (found.trace_id, found.links) for found in sent()} == {
        "webhook": (left, ()),
        "settle": (TRACE, (left,)),
    }


def test_a_failure_is_told_by_its_kind_and_never_by_its_words(
    tracing: Start,
) -> None:
    sent = tracing(1)
    for error in (ValueError("+2348012345678"), ServiceError(Kind.NOT_FOUND, "X", "of Jane")):
        with pytest.raises(type(error)), span("work", within=""):
            raise error
    found = sent()
    assert [one.failed for one in found] == [True, True]
    assert {one.attributes["error.type"] for one in found} == {"ValueError", "NOT_FOUND"}
    assert "Jane" not in repr(found)
    assert "80123" not in repr(found)


async def test_a_call_is_a_client_span_and_a_server_span(hop: Hop, tracing: Start) -> None:
    sent = tracing(0)
    with span("caller", within=SAMPLED):
        await hop.get()
    client, server = (next(found for found in sent() if found.kind == kind) for kind in ("client", "server"))
    name = "whatsinvoice.invoices.v1.InvoicesService/GetInvoice"
    assert (client.name, server.name, server.parent_id) == (name, name, client.span_id)
    assert server.attributes["rpc.method"] == "GetInvoice"
    assert server.attributes["rpc.service"] == "whatsinvoice.invoices.v1.InvoicesService"


def test_an_exemplar_stands_in_the_bucket_in_openmetrics(
    tracing: Start,
) -> None:
    tracing(0)
    registry = CollectorRegistry()
    seconds = Histogram("some_seconds", "Some", buckets=(1, 2), registry=registry)
    with span("work", within=SAMPLED):
        seconds.observe(1.5, exemplar())
    text = generate_latest(registry).decode()  # type: ignore[no-untyped-call]  # as the library has it
    line = next(line for line in text.splitlines() if 'le="2.0"' in line)
    assert f'trace_id="{TRACE}"' in line.partition(" # ")[2]


async def _nobody_exports() -> None:
    """What is left of a thread that gave up: it must not go on with what waited."""

    async def ended() -> bool:
        return not any(thread.name.startswith("OtelBatch") for thread in threading.enumerate())

    await eventually(ended, 5)


async def test_a_collector_that_is_away_or_silent_costs_no_time(hop: Hop, figure: Callable[[str], None]) -> None:
    async def median_ms() -> float:
        times = []
        for _ in range(300):
            started = time.perf_counter()
            with span("caller", within=""):
                await hop.get()
            times.append((time.perf_counter() - started) * 1000)
        return statistics.median(times)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        closed = socket.create_server(("127.0.0.1", 0))
        away = closed.getsockname()[1]
        closed.close()
        off = await median_ms()
        for name, port in (("away", away), ("silent", silent.getsockname()[1])):
            telemetry.start("tests", f"http://127.0.0.1:{port}", 1)
            on = await median_ms()
            for _ in range(5_000):  # more than the queue holds
                with span("work", within=""):
                    pass
            started = time.monotonic()
            telemetry.stop()
            stopped = time.monotonic() - started
            figure(f"collector {name}: an RPC takes {on:.2f} ms, {off:.2f} ms untraced; the end took {stopped:.1f} s")
            assert on < 3 * off + 2
            assert stopped < telemetry.FLUSH_SECONDS + 1
            await _nobody_exports()
