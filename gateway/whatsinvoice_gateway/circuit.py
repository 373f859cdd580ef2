"""A circuit per service: one that does not answer is left alone for a moment, and callers are told so at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import structlog
from prometheus_client import Counter, Gauge
from whatsinvoice_kit.core import circuit
from whatsinvoice_kit.core.circuit import CircuitOpenError, State
from whatsinvoice_kit.core.errors import Kind, ServiceError

log = structlog.get_logger(__name__)

FAILURES = 5
"""In a row, before it opens."""
OPEN_SECONDS = 1.0
SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
STATE = Gauge("gateway_circuit_state", "0 closed, 1 half open, 2 open", ["service"])
OPENINGS = Counter("gateway_circuit_openings_total", "How often a service was given up on", ["service"])
CLOSED, HALF_OPEN, OPEN = State.CLOSED, State.HALF_OPEN, State.OPEN


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
    """That of one service, in its metrics and the log."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._circuit = circuit.Circuit(FAILURES, OPEN_SECONDS, self._entered)
        STATE.labels(service).set_function(lambda: self._circuit.shown)
        OPENINGS.labels(service)  # from zero

    @property
    def state(self) -> State:
        return self._circuit.state

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Watches a call; raises UNAVAILABLE (UPSTREAM_UNAVAILABLE) in its place while the circuit is open."""
        try:
            trying = self._circuit.admit()
        except CircuitOpenError as error:
            raise ServiceError(
                Kind.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "a service is away", retry_after=error.retry_after
            ) from error
        spoke: bool | None = None
        try:
            yield
            spoke = True
        except ServiceError as error:
            spoke = answered(error.__cause__)
            raise
        finally:
            self._circuit.ended(trying=trying, answered=spoke)

    def _entered(self, state: State, before: State) -> None:
        if state is State.OPEN and before is not state:
            OPENINGS.labels(self._service).inc()
        if state is State.CLOSED and before is not state:
            log.info("circuit closed", service=self._service)
        elif state is State.OPEN and before is State.CLOSED:
            log.warning("circuit open", service=self._service)
