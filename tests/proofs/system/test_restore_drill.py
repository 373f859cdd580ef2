"""The drill on a small stack: what was saved of it starts as another stack, equal and in use (D3)."""

from collections.abc import Callable

import pytest
from whatsinvoice_kit.data.provision import DATABASE
from whatsinvoice_local.backups import backups_of, restore_drill
from whatsinvoice_local.fill import fill, render_documents
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_another_stack_starts_on_what_was_saved(stack: Stack, figure: Callable[[str], None]) -> None:
    admin_url = stack.state.env["DATABASE_URL"].rpartition("/")[0] + f"/{DATABASE}"
    fill(admin_url, 300)
    render_documents(admin_url, stack.state.env["GATEWAY_URL"], 5)
    with backups_of(stack.state) as backups:
        saved = backups.save()
        result = restore_drill(backups, lambda _: None)
        last, good = backups.catalogue.last_drills()
    assert (result["ok"], result["reason"], result["differences"]) == (True, "", [])
    assert (result["backup"], result["invoices"] >= 300, result["ledger_entries"] >= 500) == (saved.name, True, True)
    assert (result["documents"] >= 5, result["read_document"], bool(result["read_page_of"])) == (True, True, True)
    assert last == good
    assert last is not None
    assert last["total_seconds"] == result["total_seconds"]
    figure(f"saved in {saved.seconds} s, restored, compared and read in {result['total_seconds']} s: {result['steps']}")
