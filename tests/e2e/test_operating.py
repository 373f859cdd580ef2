"""A service's commands and SQL against the local stack, through make."""

import subprocess

from support.operating import make
from support.root import ROOT
from whatsinvoice_local import report
from whatsinvoice_local.stack import Stack


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
