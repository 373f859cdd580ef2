"""Limits on guesses at passwords and codes: counted on what is guessed and on who guesses."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

WINDOW = timedelta(days=1)
LONGEST_PAUSE = timedelta(minutes=15)
NOTICE_AT = 10
"""After so many wrong guesses at one phone within a day its owner is told."""
MIN_DEVICE_ID = 16
"""A shorter device id could be guessed, and is not taken for one."""
DEVICE_LIFE = timedelta(days=90)
DEVICES_A_PERSON = 20


@dataclass(frozen=True, slots=True)
class Allowance:
    """Failures without a pause, and failures a day; between them each pause is twice the one before."""

    free: int
    a_day: int


PHONE = Allowance(5, 20)
"""Strangers together, at one phone."""
ADDRESS = Allowance(50, 500)
"""One IPv4 address or IPv6 /64, at any phones; behind one address there may be a whole town."""
NETWORK = Allowance(100, 1000)
"""One IPv6 /48."""
DEVICE = Allowance(10, 30)
"""A device of the person, or a session: strangers' failures do not count here."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a guess comes from; both may be empty."""

    address: str = ""
    device_id: str = ""

    def places(self) -> list[tuple[str, Allowance]]:
        """Return what to count of the address: itself, or of IPv6 its /64 and its /48."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return [(f"address:{self.address[:64]}", ADDRESS)] if self.address else []
        if not isinstance(address, IPv6Address):
            return [(f"address:{address}", ADDRESS)]
        if address.ipv4_mapped:
            return [(f"address:{address.ipv4_mapped}", ADDRESS)]
        nearest, wider = (ip_network((address, bits), strict=False) for bits in (64, 48))
        return [(f"address:{nearest}", ADDRESS), (f"network:{wider}", NETWORK)]

    @property
    def device(self) -> bytes | None:
        """Return how a device is kept: the hash of its id, or of its address where it gives none."""
        if len(self.device_id) >= MIN_DEVICE_ID:
            return hashlib.sha256(f"id:{self.device_id}".encode()).digest()
        places = self.places()
        return hashlib.sha256(places[0][0].encode()).digest() if places else None


@dataclass(frozen=True, slots=True)
class Tally:
    """Failures of one subject within its day."""

    failures: int
    since: datetime
    paused_until: datetime | None

    def after_failure(self, moment: datetime, allowance: Allowance) -> "Tally":
        """Return the tally after one more failure, with the pause that it causes."""
        fresh = moment - self.since >= WINDOW
        failures, since = (1, moment) if fresh else (self.failures + 1, self.since)
        if failures >= allowance.a_day:
            return Tally(failures, since, since + WINDOW)
        over = failures - allowance.free
        pause = min(timedelta(seconds=2 ** min(over, 20)), LONGEST_PAUSE) if over >= 0 else timedelta(0)
        return Tally(failures, since, moment + pause if pause else None)

    def wait(self, moment: datetime) -> float:
        """Return the seconds until the next guess is taken (0: now)."""
        return max(0.0, (self.paused_until - moment).total_seconds()) if self.paused_until else 0.0
