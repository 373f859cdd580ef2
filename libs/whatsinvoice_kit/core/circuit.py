"""A circuit: whoever does not answer is left alone for a while, and callers are told so at once.

The state changes in one thread, between awaits; nothing is locked.
"""

import time
from collections.abc import Callable
from enum import IntEnum
from math import ceil


class State(IntEnum):
    """As the gauges show it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class CircuitOpenError(Exception):
    """The call is not to be made; `retry_after` is in whole seconds, at least one."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"left alone for {retry_after} s")
        self.retry_after = retry_after


class Circuit:
    """Closed until calls fail in a row; then open for a while; then one call tries, and closes or opens it again.

    Whoever calls asks `admit` first and says in `ended` what came of it. `entered` hears of each state, and of the one
    before; the first is CLOSED.
    """

    def __init__(self, failures: int, open_seconds: float, entered: Callable[[State, State], None]) -> None:
        self.state = State.CLOSED
        self._allowed = failures
        self._open_seconds = open_seconds
        self._entered = entered
        self._failures = 0
        self._opened = 0.0
        self._enter(State.CLOSED)

    @property
    def shown(self) -> State:
        """For a gauge: half open once the next call would try, for nobody may call for hours."""
        if self.state is State.OPEN and time.monotonic() >= self._opened + self._open_seconds:
            return State.HALF_OPEN
        return self.state

    def admit(self) -> bool:
        """Whether this call is the one that tries; raises CircuitOpenError where it must not be made at all."""
        if self.state is State.CLOSED:
            return False
        left = self._opened + self._open_seconds - time.monotonic()
        if self.state is State.HALF_OPEN or left > 0:
            raise CircuitOpenError(max(1, ceil(left)))
        self._enter(State.HALF_OPEN)
        return True

    def ended(self, *, trying: bool, answered: bool | None) -> None:
        """A call that was admitted is over; None: it was cancelled, or never made, which says nothing."""
        if answered:
            self._failures = 0
            self._enter(State.CLOSED)
        elif answered is False:
            self._fail()
        elif trying and self.state is State.HALF_OPEN:  # another may try
            self._enter(State.OPEN)

    def _fail(self) -> None:
        self._failures += 1
        if self._failures >= self._allowed:
            self._opened = time.monotonic()
            self._enter(State.OPEN)

    def _enter(self, state: State) -> None:
        before, self.state = self.state, state
        self._entered(state, before)
