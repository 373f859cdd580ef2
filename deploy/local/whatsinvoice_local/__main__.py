"""The command line: `python -m whatsinvoice_local up|down|reset|run|…`. The Makefile calls it."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from whatsinvoice_backup.failures import BackupError, RefusedError
from whatsinvoice_kit.observe.logging import configure_logging

from whatsinvoice_local import report
from whatsinvoice_local.backing import BackingError
from whatsinvoice_local.demo.command import run_demo
from whatsinvoice_local.demo.failures import DemoError
from whatsinvoice_local.parts import PARTS, SERVICES
from whatsinvoice_local.resetting import reset
from whatsinvoice_local.sample import ensure_sample
from whatsinvoice_local.stack import Stack, StackError


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)  # so that what was started is stopped again
    stack = Stack(options.folder, say=_say_progress)
    try:
        return _run(options, stack)
    except (StackError, BackingError, DemoError, BackupError, RefusedError) as error:
        sys.stderr.write(f"{error}\nlogs: {stack.state.folder}/logs\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read has had enough; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(options: argparse.Namespace, stack: Stack) -> int:
    if options.command == "up":
        _say("the stack is up" if stack.up() else "the stack was up already")
        sample = ensure_sample(stack.state, _say_progress)
        _say(report.addresses(stack.state, sample))
    elif options.command == "down":
        _say("the stack is down" if stack.down() else "the stack was down already")
    elif options.command == "reset":
        for line in reset(stack):
            _say(line)
    elif options.command == "status":
        _say(report.status(stack.state))
    elif options.command == "logs":
        for line in report.log_ends(stack.state, options.part):
            _say(line)
    elif options.command in ("backup", "drill"):
        return _run_backups(options, stack)
    elif options.command in ("migrate", "run", "console", "audit"):
        _operate(options, stack)
    else:
        _say(run_demo(stack, _say).as_json())
    return 0


def _operate(options: argparse.Namespace, stack: Stack) -> None:
    from whatsinvoice_local.operating import become, migrate_services  # noqa: PLC0415  (as below)

    if options.command == "run":
        become(options.service, stack.state, *options.words)
    if options.command == "console":
        sql = ["--sql", options.sql] if options.sql else []
        become(options.service, stack.state, "console", *(["--write"] if options.write else []), *sql)
    if options.command == "audit":
        become("payments", stack.state, "audit", *options.words)
    migrate_services([options.service] if options.service else SERVICES, os.environ, stack.state, _say)


def _run_backups(options: argparse.Namespace, stack: Stack) -> int:
    from whatsinvoice_local.backups import backups_of, filled_drill, restore_drill  # noqa: PLC0415  (imports for a second; few want it)

    configure_logging("local", form="console", level="warning")
    if options.command == "drill" and options.fill:
        return _report(filled_drill(options.fill, _say_progress), stack)
    with backups_of(stack.state) as backups:
        if options.command == "backup":
            manifest = backups.save()
            _say(
                f"{manifest.name}: {manifest.seconds:.1f} s, {manifest.size / 1e6:.1f} MB, {manifest.objects} documents"
            )
            return 0
        return _report(restore_drill(backups, _say_progress, options.name), stack)


def _report(result: Mapping[str, object], stack: Stack) -> int:
    text = json.dumps(result, indent=1)
    _say(text)
    stack.state.folder.mkdir(exist_ok=True)
    (stack.state.folder / "restore-drill.json").write_text(f"{text}\n")
    return 0 if result["ok"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m whatsinvoice_local")
    parser.add_argument("--folder", type=Path, default=Path(".run"), help="where the stack keeps its state (.run)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the stack in the background; does nothing when it is up")
    commands.add_parser("down", help="stop it, services draining")
    commands.add_parser("reset", help="stop it and remove its data and state, but no file that is not its own")
    commands.add_parser("status", help="each part: process, port, readiness, memory")
    logs = commands.add_parser("logs", help="the end of the logs")
    logs.add_argument("part", nargs="?", choices=PARTS)
    commands.add_parser("backup", help="save the stack into a second bucket, encrypted")
    drill = commands.add_parser("drill", help="restore a backup into an empty place, start the services on it, compare")
    drill.add_argument("name", nargs="?", default="", help="of the backup; the newest without")
    drill.add_argument("--fill", type=int, metavar="N", help="of a stack of its own with N invoices, saved first")
    migrations = commands.add_parser(
        "migrate", help="bring schemas up to date, of the stack or at <NAME>_MIGRATION_URL"
    )
    migrations.add_argument("service", nargs="?", choices=SERVICES)
    run = commands.add_parser("run", help="run a command of a service, or of backup, against the stack")
    run.add_argument("service", choices=(*SERVICES, "gateway", "backup"))
    run.add_argument("words", nargs="*", help="after --, as of `python -m whatsinvoice_<service>`")
    console = commands.add_parser("console", help="SQL or a Python prompt inside a service of the stack, read-only")
    console.add_argument("service", choices=SERVICES)
    console.add_argument("--write", action="store_true", help="let it change rows")
    console.add_argument("--sql", default="", help="run this statement and print its rows, in place of a prompt")
    audit = commands.add_parser("audit", help="whether the stack's books hold, and agree with the provider's list")
    audit.add_argument("words", nargs="*", help="after --, as of `python -m whatsinvoice_payments audit`")
    commands.add_parser("demo", help="play one invoice from chat message to receipt, and print it")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _say_progress(text: str) -> None:
    """Beside what was asked for, so that it can be read by a program or cut off without harm."""
    sys.stderr.write(f"{text}\n")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
