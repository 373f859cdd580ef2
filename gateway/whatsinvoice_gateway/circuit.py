"""A circuit per service: one that does not answer is left alone for a moment, and callers are told so at once.

The state changes in the event loop alone, between awaits; nothing is locked.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import grpc
import structlog
from prometheus_client import Gauge
from whatsinvoice_kit.core.errors import Kind, ServiceError

log = structlog.get_logger(__name__)

FAILURES = 5
"""In a row, before it opens."""
OPEN_SECONDS = 1.0
SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
STATE = Gauge("gateway_circuit_state", "0 closed, 1 half open, 2 open", ["service"])
CLOSED, HALF_OPEN, OPEN = 0, 1, 2


def answered(error: BaseException | None) -> bool | None:
    """Whether the service itself spoke: what it says of a provider or another service comes with details.

    None when it was not asked, since the caller's time was up.
    """
    if not isinstance(error, grpc.aio.AioRpcError):
        return None
    return error.code() not in SILENT or any(
        name == "grpc-status-details-bin" for name, _ in error.trailing_metadata() or ()
    )


class Circuit:
    """Closed until calls fail in a row; then open for a second; then one call tries, and closes or opens it again."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._failures = 0
        self._opened = 0.0
        self._enter(CLOSED)

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Watches a call; raises UNAVAILABLE (UPSTREAM_UNAVAILABLE) in its place while the circuit is open."""
        trying = self._admit()
        spoke: bool | None = None
        try:
            yield
            spoke = True
        except ServiceError as error:
            spoke = answered(error.__cause__)
            raise
        finally:
            if spoke:
                self._succeed()
            elif spoke is False:
                self._fail()
            elif trying and self.state == HALF_OPEN:  # cancelled, or never asked: another may try
                self._enter(OPEN)

    def _admit(self) -> bool:
        """Whether this call is the one that tries."""
        if self.state == CLOSED:
            return False
        left = self._opened + OPEN_SECONDS - time.monotonic()
        if self.state == HALF_OPEN or left > 0:
            seconds = max(1, ceil(left))
            raise ServiceError(Kind.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "a service is away", retry_after=seconds)
        self._enter(HALF_OPEN)
        return True

    def _succeed(self) -> None:
        self._failures = 0
        if self.state != CLOSED:
            log.info("circuit closed", service=self._service)
            self._enter(CLOSED)

    def _fail(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            if self.state == CLOSED:
                log.warning("circuit open", service=self._service)
            self._opened = time.monotonic()
            self._enter(OPEN)

    def _enter(self, state: int) -> None:
        self.state = state
        STATE.labels(self._service).set(state)
