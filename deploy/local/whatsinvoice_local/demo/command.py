"""`make demo`: a stack for the time of the story, unless one is up already."""

from collections.abc import Callable

from whatsinvoice_local.demo.play import Outcome, play
from whatsinvoice_local.stack import Stack


def run_demo(stack: Stack, say: Callable[[str], None]) -> Outcome:
    """Plays the story; a stack that this call had started is stopped again, whatever happened.

    Raises:
        StackError: the stack did not come up.
        DemoError: a step did not come true.
    """
    ours = not stack.state.running()
    stack.up()
    try:
        return play(stack.state, say)
    finally:
        if ours:
            stack.down()
