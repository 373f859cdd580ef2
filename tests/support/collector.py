"""An OTLP collector of a test's own: takes spans over gRPC on 127.0.0.1 and keeps them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

KINDS = {value: name.removeprefix("SPAN_KIND_").lower() for name, value in trace_pb2.Span.SpanKind.items()}


@dataclass(frozen=True)
class Span:
    """One span as it was exported; ids in hex, times in nanoseconds."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    """Trace ids."""
    attributes: dict[str, Any]
    failed: bool
    began: int
    ended: int


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


def _spans(request: pb.ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = next(_value(pair.value) for pair in resource.resource.attributes if pair.key == "service.name")
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            yield Span(
                service,
                span.name,
                KINDS[span.kind],
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                tuple(link.trace_id.hex() for link in span.links),
                {pair.key: _value(pair.value) for pair in span.attributes},
                span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                span.start_time_unix_nano,
                span.end_time_unix_nano,
            )


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """What has arrived; `endpoint` is where it listens."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.endpoint = ""

    def Export(self, request: pb.ExportTraceServiceRequest, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        self.spans += _spans(request)
        return pb.ExportTraceServiceResponse()

    def until(self, seen: Callable[[list[Span]], bool], seconds: float = 20) -> list[Span]:
        """The spans once this is true of them."""
        deadline = time.monotonic() + seconds
        while not seen(self.spans):
            assert time.monotonic() < deadline, sorted({(span.service, span.name) for span in self.spans})
            time.sleep(0.05)
        return list(self.spans)


@contextmanager
def running_collector() -> Iterator[Collector]:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated without types
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(1).wait()
