"""A whole stack for each test that changes it, and one for all others."""

from collections.abc import Callable, Iterator

import pytest
from support.stacks import stacks
from whatsinvoice_local.stack import Stack


@pytest.fixture
def new_stack() -> Iterator[Callable[..., Stack]]:
    """Makes stacks of this test's own: each costs memory and a share of a core while it is up."""
    with stacks() as make:
        yield make


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One that is up, for all tests of this folder, which run last."""
    with stacks() as make:
        stack = make()
        assert stack.up()
        yield stack
