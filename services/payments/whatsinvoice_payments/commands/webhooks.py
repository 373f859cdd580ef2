"""`webhooks list|replay`: which webhooks are kept, and some of them given their effect once more."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from whatsinvoice_kit.runtime import Command

from whatsinvoice_payments.commands import tools
from whatsinvoice_payments.domain.kept_webhook import KeptEvent, Selection
from whatsinvoice_payments.service.kept_webhooks import KeptWebhooks
from whatsinvoice_payments.settings import Settings

SHOWN = 200
USAGE = 2


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "replay"))
    parser.add_argument("--id", default="", help="the webhook's own: whe_…")
    parser.add_argument("--event", default="", help="charge.success")
    parser.add_argument(
        "--reference", default="", help="what it is about: of a charge its reference, of a dispute its id"
    )
    parser.add_argument("--outcome", default="", help="settled, quarantined, ignored, unknown_event …")
    parser.add_argument("--since", type=_moment, help="those that came from then on: 2026-11-24 or 2026-11-24T12:00")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _run(settings: Settings, options: Namespace) -> int:
    wanted = Selection(options.id, options.event, options.reference, options.outcome, options.since)
    async with tools(settings) as given:
        kept = KeptWebhooks(given.unit_of_work, settings.webhook_body_days)
        if options.action == "list":
            found = await kept.list_webhooks(wanted, SHOWN)
            sys.stdout.writelines(f"{_line(event)}\n" for event in found)
            if len(found) == SHOWN:
                sys.stdout.write(f"the first {SHOWN}; say more of what is wanted\n")
            return 0
        if wanted == Selection():
            sys.stderr.write("say which webhooks are to be replayed\n")
            return USAGE
        replayed, emptied = await kept.replay_webhooks(wanted)
        sys.stdout.write(f"{replayed} replayed\n")
        if emptied:
            sys.stdout.write(f"{emptied} cannot be: their bodies are older than {settings.webhook_body_days:g} days\n")
        return 1 if emptied else 0


def _line(event: KeptEvent) -> str:
    came = event.received_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    state = event.outcome or ("waits" if event.processed_at is None else "done")
    notes = (event.error, "body forgotten" if event.emptied else "")
    return "  ".join((event.id, came, event.event, event.natural_id or "-", state, *filter(None, notes)))


WEBHOOKS = Command(
    "look at the provider's webhooks that are kept, or give some their effect again", _add_arguments, _run
)
