"""Whole stacks of a test's own: own folder, free ports, embedded servers, so that no other stack is touched."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.stack import Stack


@contextmanager
def stacks() -> Iterator[Callable[..., Stack]]:
    """Makes stacks that are stopped and forgotten at the end.

    Servers named by the environment are left alone: their roles, streams and buckets belong to other tests. The folders
    are not pytest's own, because the account that Postgres runs under must reach them.
    """
    made: list[Stack] = []

    def make(say: Callable[[str], None] = lambda _: None, **given: str) -> Stack:
        folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-e2e-"))
        folder.chmod(0o755)
        made.append(Stack(folder, given=given, preferred={}, say=say))
        return made[-1]

    try:
        yield make
    finally:
        for stack in made:
            stack.down()
            discard_postgres(stack.state.home("postgres"))
            shutil.rmtree(stack.state.folder)
