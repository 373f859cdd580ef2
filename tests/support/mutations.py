"""Bodies that are nearly right: a true one, changed in a few places as no sender should, by repeatable dice."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 1.5, -0.0, 1e308,
    float("inf"), float("nan"), "", " ", "0", "-1", "7500000", "1e4", "\uff11\uff12", "null", "\0", "a\0b", "\ud800",
    "é" * 300, "x" * 70_000, "<script>", "2026-13-45T99:99:99Z", "9999-12-31T23:59:59+23:59",
    "'; DROP TABLE payments; --", "%s%n", "../..", "NGN ", "ngn",
    [], [None], [[[]]], {}, {"": {}}, {"reference": {"amount": []}}, [{"id": 1}] * 50,
)  # fmt: skip


class Mutator:
    """One to four changes at a time; one in ten bodies is broken as bytes."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311  (repeatable on purpose)

    def choice(self, among: Any) -> Any:
        return self._dice.choice(among)

    def body(self, true: bytes) -> bytes:
        """A mutation of a JSON body."""
        if self._dice.random() < 0.1:
            return self._bytes(bytearray(true))
        content = json.loads(true)
        for _ in range(self._dice.randint(1, 4)):
            content = self._changed(content)
        return json.dumps(content).encode()

    def _changed(self, content: Any) -> Any:
        places = list(_places(content))
        if not places or self._dice.random() < 0.02:
            return copy.deepcopy(self._dice.choice(ODD))
        holder, key = self._dice.choice(places)
        how = self._dice.random()
        if how < 0.2:
            del holder[key]
        elif how < 0.3:
            other, other_key = self._dice.choice(places)
            holder[key] = json.loads(json.dumps(other[other_key]))
        elif how < 0.4:
            holder[key] = [holder[key]] if self._dice.random() < 0.5 else {"value": holder[key]}
        elif how < 0.5:
            holder[key] = json.dumps(holder[key])
        else:
            holder[key] = copy.deepcopy(self._dice.choice(ODD))
        return content

    def _bytes(self, body: bytearray) -> bytes:
        how = self._dice.randrange(5)
        at = self._dice.randrange(len(body))
        if how == 0:
            body[at] ^= 1 << self._dice.randrange(8)
        elif how == 1:
            del body[at:]
        elif how == 2:
            body[at:at] = self._dice.randbytes(8)
        elif how == 3:
            return b"[" * 50_000
        else:
            body *= 2
        return bytes(body)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every value within, as what holds it and where."""
    if isinstance(content, dict):
        items: Any = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    else:
        return
    for key, value in items:
        yield content, key
        yield from _places(value)
