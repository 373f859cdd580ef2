"""Whole stacks of a test's own: own folder, free ports, embedded servers, so that no other stack is touched."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.stack import Stack


def new_stack(given: Mapping[str, str], say: Callable[[str], None] = lambda _: None) -> Stack:
    """One that is not up yet. Its folder is not pytest's own: the account that Postgres runs under must reach it.

    Servers named by the environment are left alone: their roles, streams and buckets belong to other tests.
    """
    folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-e2e-"))
    folder.chmod(0o755)
    return Stack(folder, given=given, preferred={}, say=say)


def stop(stack: Stack) -> None:
    """Its folder stays, for who wants to read its logs."""
    stack.down()
    discard_postgres(stack.state.home("postgres"))


@contextmanager
def running_stack(**given: str) -> Iterator[Stack]:
    """One that is up, stopped and forgotten at the end."""
    stack = new_stack(given)
    try:
        stack.up()
        yield stack
    finally:
        stop(stack)
        shutil.rmtree(stack.state.folder)
