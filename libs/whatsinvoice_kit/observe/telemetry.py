"""The trace that the current work belongs to, as a W3C `traceparent` that travels through RPCs, outbox and streams."""

import os
import re
from contextvars import ContextVar

_FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NOTHING = ("0" * 32, "0" * 16)
_current: ContextVar[str] = ContextVar("traceparent", default="")


def is_traceparent(text: str) -> bool:
    """Whether the text is a valid version 00 traceparent (W3C Trace Context, section 3.2)."""
    if not _FORM.fullmatch(text):
        return False
    _, trace, span, _ = text.split("-")
    return trace != _NOTHING[0] and span != _NOTHING[1]


def continue_trace(traceparent: str) -> str:
    """Makes this work part of the given trace, or of a new one when there is none; gives the traceparent."""
    if not is_traceparent(traceparent):
        traceparent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"
    _current.set(traceparent)
    return traceparent


def current_traceparent() -> str:
    """The traceparent of the current work; empty outside of any."""
    return _current.get()


def current_trace_id() -> str:
    """The 32 hex digits of the current trace; empty outside of any."""
    return _current.get()[3:35]
