"""The command line: `python -m whatsinvoice_local up|down|status|logs [part]|demo`. The Makefile calls it."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from whatsinvoice_local import report
from whatsinvoice_local.demo.command import run_demo
from whatsinvoice_local.demo.failures import DemoError
from whatsinvoice_local.parts import PARTS
from whatsinvoice_local.stack import Stack, StackError


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)  # so that what was started is stopped again
    stack = Stack(options.folder, say=_say_progress)
    try:
        return _run(options, stack)
    except (StackError, DemoError) as error:
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
        _say(report.addresses(stack.state))
    elif options.command == "down":
        _say("the stack is down" if stack.down() else "the stack was down already")
    elif options.command == "status":
        _say(report.status(stack.state))
    elif options.command == "logs":
        for line in report.log_ends(stack.state, options.part):
            _say(line)
    else:
        _say(run_demo(stack, _say).as_json())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m whatsinvoice_local")
    parser.add_argument("--folder", type=Path, default=Path(".run"), help="where the stack keeps its state (.run)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the stack in the background; does nothing when it is up")
    commands.add_parser("down", help="stop it, services draining")
    commands.add_parser("status", help="each part: process, port, readiness, memory")
    logs = commands.add_parser("logs", help="the end of the logs")
    logs.add_argument("part", nargs="?", choices=PARTS)
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
