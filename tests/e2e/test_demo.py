"""The main job, end to end: the demonstration is played as one test, and fails by name when a part of it dies."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader
from whatsinvoice_local.demo.command import run_demo
from whatsinvoice_local.demo.failures import DemoError
from whatsinvoice_local.demo.play import STEPS, play
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_an_invoice_walks_from_chat_to_receipt(stack: Stack) -> None:
    lines: list[str] = []
    outcome = run_demo(stack, lines.append)
    last = json.loads(outcome.as_json())
    assert last == {
        "invoice": "INV-000001",
        "status": "paid",
        "amount_paid_minor": 7_500_000,
        "receipt": "delivered",
        "seconds": outcome.seconds,
    }
    assert not stack.state.missing(), "a stack that was up before stays up"
    assert [step.name for step in STEPS if not any(step.name in line for line in lines)] == []


def test_the_saved_pdf_says_what_is_to_be_paid(stack: Stack) -> None:
    outcome = play(stack.state, lambda _: None)
    pages = PdfReader(BytesIO(outcome.pdf.read_bytes())).pages
    text = "".join(page.extract_text() for page in pages)
    assert outcome.invoice in text
    assert "75,000.00" in text


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
