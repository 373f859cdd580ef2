"""Rotates signing keys: `python -m whatsinvoice_kit.rotate_keys --trusted FILE ISSUER=FILE…`, for people and schedules.

Each run does what is due and nothing else, so that it may run as often as one likes, twice at once, and after having
been killed: a key as old as `--every` gets a successor, which is published now and signs `--lead` later; a key whose
successor has signed for longer than `--keep` goes. Between runs the times in the files do the rest.
"""

import argparse
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from whatsinvoice_kit.rpc.keys import newest_first, parse_signing_keys, signing_key, starts
from whatsinvoice_kit.rpc.tokens import Jwk, generate_key, parse_key_sets, public_half

DAY = 86_400
NOTHING = "nothing is due"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds: how long a key signs, how long before that it is published, how long after that it is believed."""

    every: float = 30 * DAY
    lead: float = 3_600
    """Longer than the slowest process takes to see a new key: minutes where files are mounted, else a deployment."""
    keep: float = 900
    """Longer than a token lives, clocks that differ included."""


def advance(keys: Sequence[Jwk], moment: float, schedule: Schedule, *, now: bool = False) -> list[Jwk]:
    """The keys as they should be at a moment. `now` begins a change that is not due yet, unless one is under way."""
    ordered = newest_first(keys)
    older = [key for key, successor in pairwise(reversed(ordered)) if starts(successor) + schedule.keep > moment]
    kept = [ordered[0], *reversed(older)]
    due = now or moment - starts(signing_key(kept, moment)) >= schedule.every
    under_way = starts(kept[0]) > moment
    if due and not under_way:
        kept.insert(0, generate_key() | {"signs_from": int(moment + schedule.lead) + 1})
    return kept


def rotate(
    trusted: Path, issuer: str, file: Path, schedule: Schedule, *, now: bool = False, stolen: bool = False
) -> str:
    """Does what is due for one issuer and tells what that was.

    `stolen` makes a key that signs at once and forgets all others, whose tokens end with them. The public half is
    written first: no key is ever in use that nobody knows. Raises OSError and ValueError for files that are no keys.
    """
    with _alone(trusted):
        sets = parse_key_sets(trusted.read_text())
        before = parse_signing_keys(file.read_text())
        moment = time.time()
        fresh = [generate_key() | {"signs_from": int(moment)}]
        after = fresh if stolen else advance(before, moment, schedule, now=now)
        public = {key["kid"]: public_half(key) for key in after}
        if sets.get(issuer) != public:
            told = {name: {"keys": list(keys.values())} for name, keys in (sets | {issuer: public}).items()}
            _write(trusted, json.dumps(told))
        if after != list(before):
            _write(file, json.dumps(after))
    made = [key for key in after if key not in before]
    gone = [str(key["kid"]) for key in before if key not in after]
    told_of = [f"{key['kid']} signs from {datetime.fromtimestamp(starts(key), UTC):%Y-%m-%dT%H:%M:%SZ}" for key in made]
    return "; ".join([*told_of, *([f"{', '.join(gone)} is gone"] if gone else [])]) or NOTHING


@contextmanager
def _alone(trusted: Path) -> Iterator[None]:
    """One at a time of all who change the same TRUSTED_KEYS, on every machine that shares its folder."""
    with (trusted.parent / ".rotation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(file: Path, text: str) -> None:
    """Whole or not at all, with the owner and the mode it had."""
    target = file.resolve()
    had, draft = target.stat(), target.with_name(f".{target.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        os.fchown(out.fileno(), had.st_uid, had.st_gid)
        os.fchmod(out.fileno(), had.st_mode & 0o777)
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(target)


def add_options(parser: argparse.ArgumentParser, example: str) -> None:
    """The issuers, the schedule, and what begins a change by hand: of this command and of rotate_secret."""
    parser.add_argument("issuers", nargs="+", metavar="ISSUER=WHERE", help=f"such as {example}")
    for name in ("every", "lead", "keep"):
        default = getattr(Schedule(), name)
        parser.add_argument(f"--{name}", type=float, default=default, metavar="SECONDS", help=f"default {default:.0f}")
    parser.add_argument("--now", action="store_true", help="begin a change that is not due yet")
    parser.add_argument(
        "--stolen", action="store_true", help="sign with a new key at once, and believe the old no more"
    )


def rotate_all(given: argparse.Namespace, trusted: Path, folder: Path = Path()) -> Iterator[str]:
    """Tells of each issuer what was done; exits with 1 at the first whose files cannot be used."""
    schedule = Schedule(given.every, given.lead, given.keep)
    for pair in given.issuers:
        issuer, _, file = pair.partition("=")
        try:
            said = rotate(trusted, issuer, folder / file, schedule, now=given.now, stolen=given.stolen)
        except (OSError, ValueError) as error:
            raise SystemExit(f"{issuer}: {error}") from error
        yield f"{issuer}: {said}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Goes through the issuers it is given."""
    parser = argparse.ArgumentParser(prog="python -m whatsinvoice_kit.rotate_keys")
    parser.add_argument("--trusted", type=Path, required=True, help="the file of TRUSTED_KEYS")
    add_options(parser, "whatsinvoice=/keys/auth_signing_keys")
    given = parser.parse_args(arguments)
    for line in rotate_all(given, given.trusted):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
