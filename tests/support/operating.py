"""make against a stack of a test."""

import subprocess

from whatsinvoice_local.stack import Stack

from support.root import ROOT


def make(stack: Stack, *words: str) -> "subprocess.CompletedProcess[str]":
    command = ["make", "-s", f"RUN={stack.state.folder}", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
