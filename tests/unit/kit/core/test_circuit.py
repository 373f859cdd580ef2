"""A circuit: opened by failures in a row, tried by one call at a time."""

import time

import pytest
from whatsinvoice_kit.core.circuit import Circuit, CircuitOpenError, State

PAUSE = 0.05


def a_circuit(failures: int = 3) -> tuple[Circuit, list[State]]:
    states: list[State] = []
    return Circuit(failures, PAUSE, lambda state, _: states.append(state)), states


def call(circuit: Circuit, *, answered: bool | None) -> None:
    circuit.ended(trying=circuit.admit(), answered=answered)


def opened() -> tuple[Circuit, list[State]]:
    circuit, states = a_circuit()
    for _ in range(3):
        call(circuit, answered=False)
    return circuit, states


def test_only_failures_in_a_row_open_it() -> None:
    circuit, states = a_circuit()
    for answered in (False, False, True, False, None, False):
        call(circuit, answered=answered)
    assert set(states) == {State.CLOSED}
    call(circuit, answered=False)
    assert states[-1] is State.OPEN
    with pytest.raises(CircuitOpenError) as refused:
        circuit.admit()
    assert refused.value.retry_after == 1


@pytest.mark.parametrize(("answered", "then"), [(True, State.CLOSED), (False, State.OPEN), (None, State.OPEN)])
def test_after_a_pause_one_call_tries(answered: bool | None, then: State) -> None:
    circuit, _ = opened()
    time.sleep(PAUSE)
    assert circuit.admit()
    assert circuit.state is State.HALF_OPEN
    with pytest.raises(CircuitOpenError):
        circuit.admit()
    circuit.ended(trying=True, answered=answered)
    assert circuit.state is then


def test_a_trial_that_says_nothing_lets_another_try_at_once() -> None:
    circuit, states = opened()
    time.sleep(PAUSE)
    call(circuit, answered=None)
    assert circuit.admit()
    assert states[-3:] == [State.HALF_OPEN, State.OPEN, State.HALF_OPEN]


def test_what_is_shown_is_open_only_while_nobody_may_try() -> None:
    """Nobody may call for hours after the other side is back."""
    circuit, _ = opened()
    shown = [circuit.shown]
    time.sleep(PAUSE)
    shown.append(circuit.shown)
    assert circuit.state is State.OPEN
    call(circuit, answered=True)
    assert [*shown, circuit.shown] == [State.OPEN, State.HALF_OPEN, State.CLOSED]


def test_a_trial_that_fails_opens_it_for_as_long_again() -> None:
    circuit, _ = opened()
    time.sleep(PAUSE)
    call(circuit, answered=False)
    with pytest.raises(CircuitOpenError):
        circuit.admit()
