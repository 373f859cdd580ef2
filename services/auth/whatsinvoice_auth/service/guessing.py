"""Guesses at passwords and codes: each is counted before it is looked at, and uncounted when it was right."""

import math
from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork

from whatsinvoice_auth import events
from whatsinvoice_auth.domain.guesses import DEVICE, NOTICE_AT, PHONE, Allowance, Origin
from whatsinvoice_auth.repository import guesses, people

log = structlog.get_logger(__name__)

GUESSES = Counter("auth_guesses_total", "Guesses at passwords and one-time codes by outcome", ["kind", "outcome"])
for _kind in ("password", "code"):
    for _outcome in ("right", "wrong", "refused"):
        GUESSES.labels(_kind, _outcome)
TARGETS = Counter("auth_guessed_phones_total", "Registered phones whose owner was told of wrong guesses")


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess to be counted. `phone` is empty where strangers' failures must not count together."""

    kind: str
    """password or code."""
    phone: str
    origin: Origin
    user_id: str = ""
    session_id: str = ""
    """Where the guess comes with a session's token: it counts there alone."""
    exempt: bool = False
    """Whether it counts nowhere: the code was brought by the phone's own holder, and has its own few tries."""


@dataclass(frozen=True, slots=True)
class CountedGuess:
    """A guess that was let through, with the subjects that it counts on."""

    guess: Guess
    subjects: tuple[str, ...]


class Guesses:
    """Counts guesses in transactions of their own, so that those made side by side are counted one by one."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work.across_businesses()

    async def count(self, guess: Guess) -> CountedGuess:
        """Count a guess as wrong until it proves right; RESOURCE_EXHAUSTED (GUESSES_TOO_MANY) while one must wait."""
        moment = now()
        async with self._unit_of_work.begin() as tx:
            wanted = dict(await self._subjects(tx, guess))
            tallies = await guesses.locked_tallies(tx, list(wanted), moment) if wanted else {}
            wait = max((tally.wait(moment) for tally in tallies.values()), default=0.0)
            if not wait:
                after = {name: tally.after_failure(moment, wanted[name]) for name, tally in tallies.items()}
                await guesses.put_tallies(tx, after)
                if (at_phone := after.get(f"phone:{guess.phone}")) is not None:
                    await _tell_owner(tx, guess, at_phone.failures)
        if wait:
            GUESSES.labels(guess.kind, "refused").inc()
            message = "too many wrong guesses; wait, or write CODE and the tag of your request from the phone"
            raise ServiceError(
                Kind.RESOURCE_EXHAUSTED, "GUESSES_TOO_MANY", message, retry_after=max(1, math.ceil(wait))
            )
        return CountedGuess(guess, tuple(wanted))

    async def _subjects(self, tx: Transaction, guess: Guess) -> list[tuple[str, Allowance]]:
        """Return what a guess counts on: a known device or a session alone, or else phone and address."""
        if guess.exempt:
            return []
        if guess.session_id:
            return [(f"session:{guess.session_id}", DEVICE)]
        device = guess.origin.device
        if device and guess.user_id and await guesses.knows_device(tx, guess.user_id, device, now()):
            return [(f"device:{guess.user_id}:{device.hex()[:32]}", DEVICE)]
        places = guess.origin.places()
        return [(f"phone:{guess.phone}", PHONE), *places] if guess.phone else places


def note_wrong(counted: CountedGuess) -> None:
    """Count a wrong guess for the metrics; the tallies have it already."""
    GUESSES.labels(counted.guess.kind, "wrong").inc()


async def note_right(tx: Transaction, counted: CountedGuess, user_id: str = "") -> None:
    """Uncount a guess that was right, and remember the device of the person."""
    GUESSES.labels(counted.guess.kind, "right").inc()
    if counted.subjects:
        await guesses.take_back(tx, counted.subjects)
    device = counted.guess.origin.device
    if device and user_id:
        await guesses.remember_device(tx, user_id, device, now())


async def _tell_owner(tx: Transaction, guess: Guess, failures: int) -> None:
    if failures != NOTICE_AT + 1:  # so many were wrong before this one
        return
    user = await people.user_by_phone(tx, guess.phone)
    if user is None:
        return
    tx.publish(events.guessing_detected(user, NOTICE_AT))
    TARGETS.inc()
    log.warning("account guessed at", user=user.id, failures=NOTICE_AT)
