"""`make audit`, on a stack whose money is all at the provider: later tests fill it with money that never was."""

import subprocess
import sys

import pytest
from whatsinvoice_local.demo.play import play
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def audit(stack: Stack, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "whatsinvoice_local", "--folder", str(stack.state.folder), "audit", "--", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_audit_of_its_books_passes_and_asks_the_provider(stack: Stack) -> None:
    play(stack.state, lambda _: None)
    whole, offline = audit(stack, "--within-minutes", "0"), audit(stack, "--offline")
    assert (whole.returncode, offline.returncode) == (0, 0), whole.stdout + whole.stderr + offline.stdout
    looked_at = {line.split()[0]: int(line.split()[1]) for line in whole.stdout.splitlines()[1:-1]}
    assert looked_at["chain_broken"] >= 1
    assert looked_at["provider_has_less"] >= 2
    assert "provider_has_less" not in offline.stdout


def test_f39_the_audit_is_clean_after_demo_up_down_up(stack: Stack) -> None:
    play(stack.state, lambda _: None)
    assert stack.down()
    assert stack.up()
    whole = audit(stack, "--within-minutes", "0")
    assert whole.returncode == 0, whole.stdout + whole.stderr
