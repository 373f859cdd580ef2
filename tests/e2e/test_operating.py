"""Commands of the runbooks against the local stack: each one that a runbook names is run, so that none can rot."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from support.root import ROOT
from whatsinvoice_local import report
from whatsinvoice_local.stack import Stack

RUNBOOKS = ROOT / "docs" / "runbooks"
COMMAND = re.compile(r"`(make (?:-s )?(?:run|console|audit)(?: [^`]*)?)`")
SERVICE_COMMAND = re.compile(r"python -m whatsinvoice_(auth|invoices|payments|notifications|gateway|<name>) ")
READING = {"list", "walk", "--check-config", "audit", "heads", "verify"}
CHANGING = {"replay", "redrive", "release", "dismiss", "--now"}


def named_commands() -> list[tuple[str, str]]:
    """Return runbook and command of each command for the local stack."""
    return sorted({(file.name, text) for file in RUNBOOKS.glob("*.md") for text in COMMAND.findall(file.read_text())})


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


def make(stack: Stack, *words: str) -> "subprocess.CompletedProcess[str]":
    command = ["make", "-s", f"RUN={stack.state.folder}", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)


@pytest.fixture(scope="session")
def saved(stack: Stack) -> Stack:
    """Return the stack once it has a backup, which commands of the runbooks list."""
    done = make(stack, "backup")
    assert done.returncode == 0, done.stderr
    return stack


@pytest.mark.parametrize(("runbook", "text"), named_commands())
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
    assert done.stdout


def test_f42_each_runbook_names_the_local_form_beside_the_other() -> None:
    silent = [
        f"{file.name}: {paragraph.strip()[:80]}"
        for file in RUNBOOKS.glob("*.md")
        for paragraph in re.split(r"\n\n|\n(?=\d\. )|\n(?=\*\*)", file.read_text())
        if SERVICE_COMMAND.search(paragraph) and not COMMAND.search(paragraph)
    ]
    assert silent == []
    assert len(named_commands()) >= 15


def test_f42_the_wrapper_asks_the_stacks_own_provider(stack: Stack) -> None:
    done = make(stack, "run", "S=payments", "C=--check-config")
    assert done.returncode == 0, done.stderr
    assert stack.state.env["SANDBOX_URL"] in done.stdout


def test_f42_the_console_takes_sql_and_prints_a_table(stack: Stack) -> None:
    done = make(stack, "console", "S=invoices", "SQL=select 'it''s' as word, 7::int as number, null as nothing")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "word  number  nothing\nit's  7       -\n(1 rows)\n"


def test_f42_the_console_changes_rows_only_when_asked(stack: Stack) -> None:
    change = "SQL=insert into invoices.counters (business_id, kind, last) values ('biz_sql', 'x', 1)"
    refused = make(stack, "console", "S=invoices", change)
    assert refused.returncode != 0
    assert "WRITE=1" in refused.stderr
    assert "Traceback" not in refused.stderr
    changed = make(stack, "console", "S=invoices", "WRITE=1", change)
    assert (changed.returncode, changed.stdout) == (0, "1 rows changed\n")
    undone = make(stack, "console", "S=invoices", "WRITE=1", "SQL=delete from invoices.counters where kind = 'x'")
    assert undone.stdout == "1 rows changed\n"


def test_f42_the_help_shows_an_example() -> None:
    command = ["make", "help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 'make run S=payments C="webhooks list"' in done.stdout
    assert 'make console S=invoices SQL="select' in done.stdout


def test_f41_up_says_how_to_stop(stack: Stack) -> None:
    assert "make down" in report.addresses(stack.state)
