"""Spans by OpenTelemetry's SDK, exported over OTLP in batches. Imported only by a process that exports."""

from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
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
        # whoever comes this far is sampled: where a trace begins that is drawn, and later work follows its beginning
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        # in a thread of its own; a collector that is away or slow costs the oldest spans of a bounded queue
        self._exporter = OTLPSpanExporter(endpoint=endpoint)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("whatsinvoice_kit")

    def begin(self, work: Work, kind: Kind, parent: str, link: str, at: int | None = None) -> tuple[Span, str]:
        """A span and its traceparent; an empty parent begins a trace, `at` is in nanoseconds."""
        span = self._tracer.start_span(
            work.name,
            context=_within(parent),
            kind=SpanKind[kind.upper()],
            links=[Link(_context_of(link))] if link else None,
            start_time=at,
        )
        context = span.get_span_context()
        return span, f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, span: Span, work: Work, failure: BaseException | None = None) -> None:
        """Ends it with what the work tells, or else with what left it."""
        error = work.error
        if error is None and failure is not None:
            error = failure.kind.name if isinstance(failure, ServiceError) else type(failure).__name__
        if span.is_recording():
            span.update_name(work.name)
            span.set_attributes(work.attributes)
            if error:
                span.set_attribute("error.type", error)
                span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self, seconds: float) -> None:
        """Sends what waits, and waits for so long; the SDK's own end has no limit (its issue 4568)."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(seconds)
        if ending.is_alive():
            self._exporter.shutdown(timeout_millis=0)  # or its thread would try each batch again for ten seconds


def _context_of(traceparent: str) -> SpanContext:
    _, trace, span, flags = traceparent.split("-")
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _within(parent: str) -> Context:
    return set_span_in_context(NonRecordingSpan(_context_of(parent)), Context()) if parent else Context()
