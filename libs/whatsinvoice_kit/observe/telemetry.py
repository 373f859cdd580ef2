"""The trace that the current work belongs to, as a W3C `traceparent` that travels through RPCs, outbox and streams.

Spans are made only between `start` with an endpoint and `stop`, and only of traces that are sampled: without, nothing
of OpenTelemetry is imported and a span costs a microsecond (decision 14).
"""

import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from whatsinvoice_kit.observe.tracing import Tracing

FLUSH_SECONDS = 3.0
"""How long the spans of the last seconds may take to leave when a process ends."""
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SAMPLED = tuple("13579bdf")
"""The last digit of a traceparent whose lowest flag is set."""
_current: ContextVar[str] = ContextVar("traceparent", default="")
_tracing: "Tracing | None" = None

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]


@dataclass(slots=True)
class Work:
    """What a span tells of its work; may be added to until it ends. No text of people, no token, no parameter (G1)."""

    name: str
    attributes: dict[str, str | int] = field(default_factory=dict)
    error: str | None = None
    """What failed, "" for nothing; None: whatever exception leaves the work."""


def is_traceparent(text: str) -> bool:
    """Whether the text is a valid version 00 traceparent (W3C Trace Context, section 3.2)."""
    return _FORM.fullmatch(text) is not None


def sampled(traceparent: str) -> bool:
    """Whether spans are made of this trace here."""
    return _tracing is not None and traceparent[-1:] in _SAMPLED


def _begun() -> str:
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"


def continue_trace(traceparent: str) -> str:
    """Makes this work part of the given trace, or of a new one when there is none; gives the traceparent."""
    if not is_traceparent(traceparent):
        traceparent = _begun()
    _current.set(traceparent)
    return traceparent


def current_traceparent() -> str:
    """The traceparent of the current work; empty outside of any."""
    return _current.get()


def current_trace_id() -> str:
    """The 32 hex digits of the current trace; empty outside of any."""
    return _current.get()[3:35]


def start(service: str, endpoint: str, ratio: float) -> None:
    """Exports spans from now on to an OTLP endpoint (gRPC), of this share of the traces that begin here; "": none."""
    global _tracing  # noqa: PLW0603  (one exporter a process, as there is one log and one registry of metrics)
    if endpoint:
        from whatsinvoice_kit.observe.tracing import Tracing  # noqa: PLC0415  (only who exports pays for the SDK)

        _tracing = Tracing(service, endpoint, ratio)


def stop() -> None:
    """Makes no more spans, and waits up to 3 s until the last have left; what has not is dropped."""
    global _tracing
    tracing, _tracing = _tracing, None
    if tracing is not None:
        tracing.close(FLUSH_SECONDS)


def exporting() -> bool:
    """Whether spans are made at all."""
    return _tracing is not None


def of_stranger(traceparent: str) -> str:
    """A stranger's trace with our own decision to sample it: who calls us must not fill our collector."""
    if _tracing is None or not is_traceparent(traceparent):
        return traceparent
    return f"{traceparent[:-2]}{'01' if _chosen(_tracing) else '00'}"


def _chosen(tracing: "Tracing") -> bool:
    return random.random() < tracing.ratio  # noqa: S311  (no secret)


@contextmanager
def span(
    name: str,
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    *,
    within: str | None = None,
    link: str = "",
) -> Iterator[Work]:
    """Work of the current trace; with `within`, work of the trace of that traceparent, or of a new one when it is "".

    The span links the trace that it left, or another that is given.
    """
    work, before = Work(name, dict(attributes or {})), _current.get()
    parent = before if within is None else within
    new = within is not None and not is_traceparent(within)
    if within is None and not sampled(parent):
        yield work
        return
    begun = None
    if _tracing is not None and (_chosen(_tracing) if new else sampled(parent)):
        other = link or before
        other = other if sampled(other) and other[3:35] != parent[3:35] else ""
        begun, parent = _tracing.begin(work, kind, "" if new else parent, other)
    elif new:
        parent = _begun()
    token = _current.set(parent)
    failure: BaseException | None = None
    try:
        yield work
    except BaseException as error:
        failure = error
        raise
    finally:
        _current.reset(token)
        if begun is not None and _tracing is not None:
            _tracing.end(begun, work, failure)


def taken(queue: str, row_id: str, traceparent: str) -> AbstractContextManager[Work]:
    """A span for work on a row that waited in a table, within the trace that put it there."""
    attributes = {"messaging.system": "postgresql", "messaging.destination.name": queue, "messaging.message.id": row_id}
    return span(f"process {queue}", "consumer", attributes, within=traceparent)


def moment() -> int:
    """Now, in nanoseconds, where a span will be made of what begins; 0 where none will."""
    return time.time_ns() if sampled(_current.get()) else 0


def record(began: int, name: str, kind: Kind, attributes: Attributes, error: str = "") -> None:
    """A span of the current trace for what began at that `moment` and has just ended."""
    if _tracing is not None and began:
        work = Work(name, dict(attributes), error)
        _tracing.end(_tracing.begin(work, kind, _current.get(), "", began)[0], work)


def exemplar() -> dict[str, str] | None:
    """For a histogram's `observe`: the sampled trace that the observation belongs to."""
    here = _current.get()
    return {"trace_id": here[3:35], "span_id": here[36:52]} if sampled(here) else None
