"""A whole stack of its own: own folder, free ports, embedded servers, so that no other stack is touched."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.stack import Stack


@contextmanager
def _stacks() -> Iterator[Callable[..., Stack]]:
    """Makes stacks that are stopped and forgotten at the end.

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


@pytest.fixture
def new_stack() -> Iterator[Callable[..., Stack]]:
    """Makes stacks of this test's own: each costs memory and a share of a core while it is up."""
    with _stacks() as make:
        yield make


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One that is up, for all tests of this folder, which run last."""
    with _stacks() as make:
        stack = make()
        assert stack.up()
        yield stack
