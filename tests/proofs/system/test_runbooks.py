"""Commands of the runbooks against the local stack: each one that a runbook names is run, so that none can rot."""

import re
import shlex
from pathlib import Path

import pytest
from support.operating import make
from support.root import ROOT
from whatsinvoice_local.stack import Stack

RUNBOOKS = ROOT / "docs" / "runbooks"
COMMAND = re.compile(r"`(make (?:-s )?(?:run|console|audit)(?: [^`]*)?)`")
SERVICE_COMMAND = re.compile(r"python -m whatsinvoice_(auth|invoices|payments|notifications|gateway|<name>) ")
READING = {"list", "walk", "--check-config", "audit", "heads", "verify"}
CHANGING = {"replay", "redrive", "release", "dismiss", "--now"}


def named_commands() -> dict[str, str]:
    """Return each command for the local stack, and a runbook that names it."""
    return {text: file.name for file in sorted(RUNBOOKS.glob("*.md")) for text in COMMAND.findall(file.read_text())}


def runnable(text: str) -> list[str]:
    """Return the words to run: of a command that changes rows its help."""
    words = [word for word in shlex.split(re.sub(r" > \w+$", "", text)) if word != "-s"]
    for place, word in enumerate(words):
        if not word.startswith("C="):
            continue
        own = word[2:].split()
        if CHANGING & set(own):
            words[place] = f"C={own[0]} --help"
        else:
            assert READING & set(own), f"{text}: is it a reading command?"
    return words


@pytest.fixture(scope="session")
def saved(stack: Stack) -> Stack:
    """Return the stack once it has a backup, which commands of the runbooks list."""
    done = make(stack, "backup")
    assert done.returncode == 0, done.stderr
    return stack


@pytest.mark.parametrize(("text", "runbook"), named_commands().items())
def test_f42_a_command_of_a_runbook_runs_on_the_local_stack(
    stack: Stack, request: pytest.FixtureRequest, tmp_path: Path, runbook: str, text: str
) -> None:
    if "S=backup" in text or "--anchor" in text:
        request.getfixturevalue("saved")
    words = runnable(text)[1:]
    if "--anchor" in text:
        (tmp_path / "heads").write_text(make(stack, "run", "S=backup", "C=heads").stdout)
        words = [word.replace("--anchor heads", f"--anchor {tmp_path / 'heads'}") for word in words]
    done = make(stack, *words)
    finds = words[0] == "audit" or "C=walk" in words  # these answer 1 where the books of other tests differ
    assert done.returncode in ({0, 1} if finds else {0}), f"{runbook}: {text}\n{done.stdout}{done.stderr}"
    assert "Field required" not in done.stderr
    assert "Traceback" not in done.stderr


def test_f42_each_runbook_names_the_local_form_beside_the_other() -> None:
    silent = [
        f"{file.name}: {paragraph.strip()[:80]}"
        for file in RUNBOOKS.glob("*.md")
        for paragraph in re.split(r"\n\n|\n(?=\d\. )|\n(?=\*\*)", file.read_text())
        if SERVICE_COMMAND.search(paragraph) and not COMMAND.search(paragraph)
    ]
    assert silent == []
    assert len(named_commands()) >= 15
