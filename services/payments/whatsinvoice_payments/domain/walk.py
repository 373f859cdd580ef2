"""The walk over the provider's own list, day by day: what it finds there, and where that differs from our books."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from whatsinvoice_payments.domain.charge import Charge
from whatsinvoice_payments.domain.payment import Payment, Status
from whatsinvoice_payments.domain.webhook import Deposit

DAY = timedelta(days=1)
FIRST = timedelta(days=1, hours=1)
"""After the beginning of a day it is walked for the first time: it has ended an hour before."""
AGAIN = (timedelta(days=1), timedelta(days=6))
"""After each of its walks, the next one: the last comes when no attempt of the day is asked about any more."""


class Stage(Enum):
    """What is walked: the provider's list, then what we believe in and the list did not show."""

    THEIRS = "theirs"
    OURS = "ours"


class Kind(Enum):
    """How the two can differ."""

    UNKNOWN_MONEY = "unknown_money"
    AMOUNT_DIFFERS = "amount_differs"
    MISSING_AT_PROVIDER = "missing_at_provider"
    UNSETTLED = "unsettled"
    """In the list it succeeded, and asked about it the provider does not say so."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Listed:
    """A successful transaction in the provider's list, by its number there."""

    provider_id: int
    charge: Charge
    deposit: Deposit | None
    """Whose account the money came into, where it is a customer's own."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One in the list of which only the reference, or some of it, can be told."""

    reference: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list, and the cursor of the next one; empty on the last."""

    found: list[Listed | Unreadable]
    following: str


@dataclass(slots=True, kw_only=True)
class Walk:
    """A day's walk, as far as it has come. `cursor` is the provider's, or the last of our payments that was compared.

    `rounds` counts the whole walks of the day; `next_at` is when the next one begins, None when there is none.
    """

    day: date
    stage: Stage
    cursor: str
    seen: int
    differences: int
    rounds: int
    started_at: datetime | None
    finished_at: datetime | None
    next_at: datetime | None

    @property
    def since(self) -> datetime:
        """The day's beginning, in UTC."""
        return datetime.combine(self.day, time(), UTC)

    @property
    def until(self) -> datetime:
        """Its last millisecond, which is as fine as the provider's times are."""
        return self.since + DAY - timedelta(milliseconds=1)

    def begin(self, moment: datetime) -> None:
        """From the start, unless it was broken off: then it goes on where it was."""
        if self.started_at is None or self.finished_at is not None:
            self.started_at, self.finished_at = moment, None
            self.restart()

    def restart(self) -> None:
        """The list from its top, also where the provider knows our cursor no more."""
        self.stage, self.cursor, self.seen = Stage.THEIRS, "", 0

    def finish(self, differences: int, moment: datetime, scale: float) -> None:
        """Every part of it has been walked; as long as something differs, it is walked again each day."""
        pause = AGAIN[self.rounds] if self.rounds < len(AGAIN) else None
        if differences:
            pause = DAY
        self.next_at = moment + pause * scale if pause else None
        self.rounds += 1
        self.differences, self.finished_at = differences, moment


@dataclass(frozen=True, slots=True)
class Difference:
    """One, in minor units; an amount is None where that side has none."""

    day: date
    reference: str
    kind: Kind
    ours_minor: int | None = None
    theirs_minor: int | None = None
    currency: str = ""
    detail: str = ""
    status: str = "open"


def days_to_walk(latest: date | None, moment: datetime, scale: float) -> list[date]:
    """Those whose first walk is due and that come after the latest one known; without one, the last of them."""
    last = (moment - FIRST * scale).astimezone(UTC).date()
    if latest is None:
        return [last]
    return [latest + DAY * number for number in range(1, (last - latest).days + 1)]


def amount_differs(walk: Walk, payment: Payment, charge: Charge) -> Difference | None:
    """Whether a payment that counts is of another amount or currency than the provider's."""
    if payment.status not in {Status.SUCCEEDED, Status.REVERSED}:
        return None
    ours = payment.paid_minor
    if (ours, payment.currency) == (charge.paid_minor, charge.currency):
        return None
    detail = f"ours in {payment.currency}, theirs in {charge.currency}"
    return Difference(
        walk.day, payment.reference, Kind.AMOUNT_DIFFERS, ours, charge.paid_minor, charge.currency, detail
    )
