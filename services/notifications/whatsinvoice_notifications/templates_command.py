"""`python -m whatsinvoice_notifications templates list|push`: our wordings beside those at Meta, and handed in."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from whatsinvoice_kit.config.settings import EXIT_CONFIG

from whatsinvoice_notifications.clients import Refused, Unreachable
from whatsinvoice_notifications.clients.whatsapp_templates import WhatsAppTemplates
from whatsinvoice_notifications.settings import Settings
from whatsinvoice_notifications.wordings import Wording, all_wordings, differences

_REJECTED = "REJECTED"
_NEEDED = ("whatsapp_business_account_id", "public_base_url")


def main(arguments: Sequence[str]) -> int:
    """Gives the exit code: 1 when Meta refused a template or did not answer, 78 when a setting is missing."""
    parser = argparse.ArgumentParser(prog="python -m whatsinvoice_notifications templates")
    parser.add_argument("action", choices=("list", "push"), help="tell how ours are at Meta, or create what is missing")
    pushes = parser.parse_args(arguments).action == "push"
    settings = Settings.load()
    if missing := [name.upper() for name in _NEEDED if not getattr(settings, name)]:
        sys.stderr.write(f"notifications: {', '.join(missing)} missing\n")
        return EXIT_CONFIG
    try:
        return asyncio.run(_go_through(settings, pushes=pushes))
    except (Refused, Unreachable) as error:
        sys.stderr.write(f"the templates at WhatsApp cannot be listed: {error}\n")
        return 1


async def _go_through(settings: Settings, *, pushes: bool) -> int:
    """A line each; 1 when any of them was refused."""
    account, token = settings.whatsapp_business_account_id, settings.whatsapp_access_token.get_secret_value()
    whatsapp = WhatsAppTemplates(settings.whatsapp_base_url, account, token)
    try:
        known, refused = await whatsapp.known(), False
        for wording in all_wordings():
            definition = wording.definition(settings.public_base_url, settings.whatsapp_sample_document)
            there = known.get((wording.name, wording.language))
            if there is None and pushes:
                told, fine = await _create(whatsapp, definition)
            else:
                told, fine = _compare(definition, there)
            refused |= not fine
            sys.stdout.write(_line(wording, told))
        return int(refused)
    finally:
        await whatsapp.close()


async def _create(whatsapp: WhatsAppTemplates, definition: dict[str, Any]) -> tuple[str, bool]:
    try:
        status = await whatsapp.create(definition)
    except (Refused, Unreachable) as error:
        return f"refused: {error}", False
    return f"created, {status}", status != _REJECTED


def _compare(definition: dict[str, Any], there: dict[str, Any] | None) -> tuple[str, bool]:
    if there is None:
        return "missing", True
    status = str(there.get("status"))
    unlike = differences(definition, there)
    how = f"differs in {', '.join(unlike)}" if unlike else "as it should be"
    return f"{how}, {status}", status != _REJECTED


def _line(wording: Wording, told: str) -> str:
    return f"{wording.name} {wording.language} {wording.category}: {told}\n"
