"""How fast a number may send: 80 messages a second in all; to one user 1 in 6 seconds, 45 of them in advance."""

import time
from collections.abc import Callable

from .errors import NUMBER_RATE, PAIR_RATE, MetaError

_NUMBER_PER_SECOND = 80.0
_PAIR_PER_SECOND = 1 / 6
_PAIR_BURST = 45.0


class _Bucket:
    def __init__(self, size: float, per_second: float, now: float) -> None:
        self._size = size
        self._per_second = per_second
        self._left = size
        self._at = now

    def holds_one(self, now: float) -> bool:
        self._left = min(self._size, self._left + (now - self._at) * self._per_second)
        self._at = now
        return self._left >= 1

    def take_one(self) -> None:
        self._left -= 1


class Rates:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._number = _Bucket(_NUMBER_PER_SECOND, _NUMBER_PER_SECOND, now())
        self._pairs: dict[str, _Bucket] = {}

    def take(self, recipient: str) -> None:
        """Counts one message; raises MetaError 130429 or 131056 and counts nothing when there is no room."""
        now = self._now()
        if not self._number.holds_one(now):
            raise MetaError(NUMBER_RATE, "Message failed to send because there were too many messages.")
        pair = self._pairs.setdefault(recipient, _Bucket(_PAIR_BURST, _PAIR_PER_SECOND, now))
        if not pair.holds_one(now):
            details = "Message failed to send because there were too many messages to this phone number."
            raise MetaError(PAIR_RATE, details)
        self._number.take_one()
        pair.take_one()
