"""A whole stack of its own: own folder, free ports, embedded servers, so that no other stack is touched."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.stack import Stack


@pytest.fixture(scope="session")
def new_stack() -> Iterator[Callable[..., Stack]]:
    """Makes stacks that are stopped and forgotten at the end of the session.

    Servers named by the environment are left alone: their roles, streams and buckets belong to other tests. The folders
    are not pytest's own, because the account that Postgres runs under must reach them.
    """
    stacks: list[Stack] = []

    def make(say: Callable[[str], None] = lambda _: None, **given: str) -> Stack:
        folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-e2e-"))
        folder.chmod(0o755)
        stacks.append(Stack(folder, given=given, preferred={}, say=say))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.down()
        discard_postgres(stack.state.home("postgres"))
        shutil.rmtree(stack.state.folder)


@pytest.fixture(scope="session")
def stack(new_stack: Callable[..., Stack]) -> Stack:
    """One that is up."""
    stack = new_stack()
    assert stack.up()
    return stack
