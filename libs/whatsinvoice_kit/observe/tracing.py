"""Spans by OpenTelemetry's SDK, exported over OTLP in batches. Imported only by a process that exports."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.observe.telemetry import Kind, Work


class Tracing:
    """One process's spans. `ratio` is the share of the traces that begin here; others follow their parent."""

    def __init__(self, service: str, endpoint: str, ratio: float) -> None:
        self.ratio = ratio
        resource = Resource.create({"service.name": service, "service.namespace": "whatsinvoice"})
        self._provider = TracerProvider(
            sampler=ParentBasedTraceIdRatio(ratio), resource=resource, shutdown_on_exit=False
        )
        # in a thread of its own; a collector that is away or slow costs the oldest spans of a bounded queue
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("whatsinvoice_kit")

    @contextmanager
    def span(self, work: Work, kind: Kind, parent: str, link: str) -> Iterator[str]:
        """A span around the block, which gets its traceparent; an empty parent begins a trace."""
        span = self._tracer.start_span(
            work.name,
            context=_within(parent),
            kind=SpanKind[kind.upper()],
            attributes=work.attributes,
            links=[Link(_context_of(link))] if link else None,
        )
        failure = ""
        try:
            yield _traceparent_of(span)
        except BaseException as error:
            failure = error.kind.name if isinstance(error, ServiceError) else type(error).__name__
            raise
        finally:
            _end(span, work, failure if work.error is None else work.error)

    def record(self, began: int, work: Work, kind: Kind, parent: str) -> None:
        """A span that is over, begun at so many nanoseconds."""
        span = self._tracer.start_span(
            work.name, context=_within(parent), kind=SpanKind[kind.upper()], start_time=began
        )
        _end(span, work, work.error or "")

    def close(self, seconds: float) -> None:
        """Sends what waits, and waits for so long; the SDK's own end has no limit (its issue 4568)."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(seconds)


def _context_of(traceparent: str) -> SpanContext:
    _, trace, span, flags = traceparent.split("-")
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _within(parent: str) -> Context:
    return set_span_in_context(NonRecordingSpan(_context_of(parent)), Context()) if parent else Context()


def _traceparent_of(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _end(span: Span, work: Work, failure: str) -> None:
    if span.is_recording():
        span.update_name(work.name)
        span.set_attributes(work.attributes)
        if failure:
            span.set_attribute("error.type", failure)
            span.set_status(Status(StatusCode.ERROR))
    span.end()
