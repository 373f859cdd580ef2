"""An OTLP collector of a test's own: takes spans over gRPC on 127.0.0.1 and keeps them in a file.

It is a process of its own: whoever runs it forks, and a process that serves gRPC must not.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """What runs in the other process: a line of hex for each request."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)

    def Export(self, request: pb.ExportTraceServiceRequest, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        self._file.write(request.SerializeToString().hex() + "\n")
        return pb.ExportTraceServiceResponse()


class Collector:
    """What has arrived; `endpoint` is where it listens."""

    def __init__(self, file: Path, endpoint: str) -> None:
        self._file = file
        self.endpoint = endpoint

    @property
    def spans(self) -> list[Span]:
        lines = [line for line in self._file.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [span for line in lines for span in _spans(pb.ExportTraceServiceRequest.FromString(bytes.fromhex(line)))]


@contextmanager
def running_collector() -> Iterator[Collector]:
    with tempfile.TemporaryDirectory(prefix="whatsinvoice-collector-") as folder:
        file = Path(folder) / "requests"
        file.touch()
        command = [sys.executable, __file__, str(file)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield Collector(file, process.stdout.readline().strip())
            finally:
                process.stdin.close()


def main(file: Path) -> None:
    """Serves until its standard input ends, which it does with whoever started it."""
    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Receiver(file), server)  # type: ignore[no-untyped-call]  # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"http://127.0.0.1:{port}", flush=True)  # noqa: T201  (whoever started it reads it)
    sys.stdin.read()
    server.stop(1).wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
