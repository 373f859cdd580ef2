"""Playing the story: each step has a name and a deadline, and what fails says which step, and who had died."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from whatsinvoice_local.demo.failures import DemoError, MismatchError, expect
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.demo.transcript import Transcript
from whatsinvoice_local.state import State


@dataclass(frozen=True)
class Step:
    """`seconds` is how long it may take; it is false when `act` raises."""

    name: str
    act: Callable[[Story], None]
    seconds: float = 20.0


STEPS = (
    Step("Ada registers over HTTP", Story.register, seconds=65.0),
    Step("the code arrives on Ada's phone", Story.receive_code),
    Step("Ada verifies her phone and logs in", Story.log_in),
    Step("Ada texts what to invoice", Story.write),
    Step("the bot answers with a preview", Story.receive_preview),
    Step("Ada taps Send", Story.tap_send),
    Step("Jane receives the invoice", Story.receive_invoice),
    Step("Jane opens the pay page", Story.open_pay_page),
    Step("Jane pays at the checkout", Story.pay),
    Step("the signed webhook arrives twice", Story.receive_webhook_twice),
    Step("the invoice is paid", Story.see_it_paid),
    Step("Jane has a receipt", Story.receive_receipt),
    Step("Ada has a notice", Story.receive_notice),
    Step("the ledger sums to zero", Story.see_the_books_balance),
    Step("the provider's truth equals ours", Story.compare_with_the_provider),
)


@dataclass(frozen=True)
class Outcome:
    """What came of it; `pdf` is the invoice as Jane received it."""

    invoice: str
    status: str
    amount_paid_minor: int
    receipt: str
    seconds: float
    pdf: Path

    def as_json(self) -> str:
        shown = ("invoice", "status", "amount_paid_minor", "receipt", "seconds")
        return json.dumps({name: getattr(self, name) for name in shown})


def play(state: State, say: Callable[[str], None], steps: Sequence[Step] = STEPS) -> Outcome:
    """Plays the steps on a stack that is up.

    Raises:
        DemoError: a step did not come true, or a part of the stack had died.
    """
    env = state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], state.folder / "demo")
    transcript = Transcript(say)
    begun = time.monotonic()
    try:
        for number, step in enumerate(steps, start=1):
            try:
                _take(step, number, story, transcript, begun)
                expect(not state.missing(), "a part has died")
            except Exception as error:
                raise DemoError(f"demo failed at step {number} ({step.name}): {_told(error)}{_died(state)}") from error
        seconds = round(time.monotonic() - begun, 2)
    finally:
        story.close()
    transcript.note(f"the PDF is {story.pdf}")
    invoice = story.invoice
    return Outcome(story.number, invoice.status, invoice.amount_paid_minor, story.receipt["status"], seconds, story.pdf)


def _take(step: Step, number: int, story: Story, transcript: Transcript, begun: float) -> None:
    started = time.monotonic()
    story.deadline = started + step.seconds
    step.act(story)
    ended = time.monotonic()
    transcript.step(ended - begun, number, step.name, ended - started)
    transcript.chats((story.merchant, story.jane))


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, MismatchError) else f"{type(error).__name__}: {error}"


def _died(state: State) -> str:
    dead = state.missing()
    return f"; not running any more: {', '.join(dead)}" if dead else ""
