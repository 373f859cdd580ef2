"""Long streams in short lists: so much is in memory at once, however long they are."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """All of them in their order; none of the lists is empty."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
