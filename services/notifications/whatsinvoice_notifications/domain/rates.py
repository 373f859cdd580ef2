"""How fast we send: 80 a second in all, and to one contact 1 in 6 seconds with 45 in advance (Meta's pair limit)."""

from collections.abc import Callable
from dataclasses import dataclass

NUMBER_PER_SECOND = 80.0
PAIR_PER_SECOND = 1 / 6
PAIR_BURST = 45.0
PAIRS_REMEMBERED = 10_000


@dataclass(slots=True)
class Bucket:
    """Tokens that come back at a rate; times in seconds of any monotonic clock."""

    size: float
    per_second: float
    left: float
    at: float

    def wait(self, moment: float) -> float:
        """Seconds until one may be taken; 0 when now."""
        self.left = min(self.size, self.left + (moment - self.at) * self.per_second)
        self.at = moment
        return max(0.0, (1 - self.left) / self.per_second)

    def take(self) -> None:
        """May go below zero: what waits in line has its place."""
        self.left -= 1


class Pace:
    """The buckets of one process. Several processes share the number: Meta then answers 130429 and we retry."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._number = Bucket(NUMBER_PER_SECOND, NUMBER_PER_SECOND, NUMBER_PER_SECOND, clock())
        self._pairs: dict[str, Bucket] = {}

    def pair_wait(self, contact_id: str) -> float:
        """Seconds until this contact may get one more; 0 takes its place."""
        moment = self._clock()
        bucket = self._pairs.setdefault(contact_id, Bucket(PAIR_BURST, PAIR_PER_SECOND, PAIR_BURST, moment))
        wait = bucket.wait(moment)
        if wait == 0:
            bucket.take()
        self._forget_rested(moment)
        return wait

    def number_wait(self) -> float:
        """Seconds to wait before sending; the place in line is taken."""
        wait = self._number.wait(self._clock())
        self._number.take()
        return wait

    def _forget_rested(self, moment: float) -> None:
        if len(self._pairs) > PAIRS_REMEMBERED:
            self._pairs = {key: b for key, b in self._pairs.items() if b.left + (moment - b.at) * b.per_second < b.size}
