"""The command line of a service: `python -m whatsinvoice_<name> [--only=api|worker] [--check-config] [migrate|…]`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import uvloop

from whatsinvoice_kit.config.settings import ServiceSettings
from whatsinvoice_kit.events.bus import parse_entry
from whatsinvoice_kit.events.connection import connect_to
from whatsinvoice_kit.events.dead_letters import list_dead
from whatsinvoice_kit.observe.logging import configure_logging
from whatsinvoice_kit.runtime import Command, ServiceSpec, SettingsT, redrive_dead_letters, serve


def main(spec: ServiceSpec[SettingsT], arguments: Sequence[str] | None = None) -> None:
    """Runs what the arguments say; without any, the whole service."""
    options = _parser(spec.package, spec.commands).parse_args(arguments)
    settings = spec.settings.load()
    if options.check_config:
        sys.stdout.write(settings.shown() + "\n")
        return
    configure_logging(spec.name, form=settings.log_format, level=settings.log_level)
    if options.command == "migrate":
        from whatsinvoice_kit.data.migrations import migrate  # noqa: PLC0415  (alembic holds 11 MB; nothing else needs it)

        migrate(spec.package, settings.database_url.get_secret_value())
    elif options.command == "console":
        from whatsinvoice_kit.console import console, run_sql  # noqa: PLC0415  (as above)

        if options.sql:
            sys.exit(run_sql(spec, settings, options.sql, write=options.write))
        console(spec, settings, write=options.write)
    elif options.command == "dead-letters":
        if options.action == "redrive":
            uvloop.run(_redrive(spec, settings, options.stream))
        else:
            uvloop.run(_list_dead_letters(settings, spec.name, options.stream))
    elif options.command in spec.commands:
        if status := uvloop.run(_status(spec.commands[options.command], settings, options)):
            sys.exit(status)
    else:
        uvloop.run(serve(spec, settings, options.only))


async def _status(command: Command[SettingsT], settings: SettingsT, options: argparse.Namespace) -> int:
    return await command.run(settings, options)


def _parser(name: str, own: Mapping[str, Command[Any]]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    parser.add_argument("--only", choices=("api", "worker"), default="", help="run one half of the service")
    parser.add_argument("--check-config", action="store_true", help="print the effective settings, secrets masked")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("migrate", help="bring the service's schema up to date")
    prompt = commands.add_parser("console", help="SQL, or a Python prompt with the service's repository, read-only")
    prompt.add_argument("--write", action="store_true", help="let it change rows")
    prompt.add_argument("--sql", default="", help="run this statement and print its rows, in place of a prompt")
    letters = commands.add_parser("dead-letters", help="list events that failed five times, or try them again")
    letters.add_argument("action", choices=("list", "redrive"))
    letters.add_argument("stream", help="whatsinvoice.payments.v1")
    for word, command in own.items():
        command.add_arguments(commands.add_parser(word, help=command.help))
    return parser


async def _redrive(spec: ServiceSpec[SettingsT], settings: SettingsT, stream: str) -> None:
    applied, stay = await redrive_dead_letters(spec, settings, stream)
    sys.stdout.write(f"{applied} applied, {stay} left\n")


async def _list_dead_letters(settings: ServiceSettings, group: str, stream: str) -> None:
    connection = connect_to(settings.redis_address())
    try:
        for letter in await list_dead(connection.redis, stream, group):
            delivery = parse_entry(letter.origin_id.encode(), letter.fields, group)
            sys.stdout.write(
                f"{letter.entry_id} {delivery.event_type} {delivery.event_id} first as {letter.origin_id}\n"
            )
    finally:
        await connection.close()
