"""The demonstration names the part that died, and the step in which it died."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from whatsinvoice_local.demo.failures import DemoError
from whatsinvoice_local.demo.play import STEPS, play
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def broken(stack: Stack) -> Iterator[Stack]:
    """The stack, made whole again afterwards."""
    yield stack
    stack.up()


@pytest.mark.parametrize("part", ["payments", "auth"])
def test_what_dies_fails_the_step_it_dies_in_and_is_named(broken: Stack, part: str) -> None:
    """Payments is asked for by that very step; auth by no later one, and its death is noticed all the same."""

    def die_and_pay(story: Story) -> None:
        os.kill(int(broken.state.env[f"{part.upper()}_PID"]), signal.SIGKILL)
        story.pay()

    number = next(number for number, step in enumerate(STEPS, start=1) if step.act is Story.pay)
    steps = [replace(step, act=die_and_pay) if step.act is Story.pay else step for step in STEPS]
    with pytest.raises(
        DemoError, match=rf"at step {number} \(Jane pays at the checkout\).*not running any more: {part}$"
    ):
        play(broken.state, lambda _: None, steps)
