"""The main job, end to end: the demonstration is played as one test."""

import json
from io import BytesIO

import pytest
from pypdf import PdfReader
from whatsinvoice_local.demo.command import run_demo
from whatsinvoice_local.demo.play import STEPS, play
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
